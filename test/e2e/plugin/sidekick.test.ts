import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { deadlineIn } from '../../../src/lib/base/deadline.js'
import { createRunner } from '../../../src/lib/host/exec.js'
import { installPlugin } from '../../../src/lib/plugin/install/install.js'
import { projectRoot } from '../../integration/cli/acs.js'
import { startVolumeLab, type VolumeLab } from '../../integration/volume/lab.js'
import { requirement } from '../../requirements.js'
import { keepFiles } from '../../secrets/evidence.js'
import { talkativeEnvironment } from './talkative.js'
import { until } from './until.js'

const able = requirement('the sidekick', [
  'root',
  'fuse',
  'loop',
  ...['qemu-storage-daemon', 'mkfs.ext4', 'dockerd', 'docker', 'busybox', 'unshare'].map((tool) => ({ tool })),
])

interface Service {
  environment: Record<string, string>
  network_mode: string
  pid: string
  ipc: string
  uts: string
  cgroup: string
  privileged: boolean
  volumes: { source: string; target: string; read_only?: boolean; bind?: { propagation: string } }[]
}

/**
 * A Docker host in a mount namespace of its own, with everything the compose file names in its very place: /mnt/acs, /run and
 * /var/lib are empty, /etc is the machine's with a layer on top. When its last process ends, so does all of it.
 */
describe.skipIf(!able)('the sidekick', () => {
  let lab: VolumeLab
  let folder: string
  let dockerd: ChildProcess
  const shell = promisify(execFile)

  const docker = async (...args: string[]): Promise<string> => {
    const { stdout } = await shell('docker', ['-H', `unix://${folder}/docker.sock`, ...args], { timeout: 120_000 })
    return stdout.trim()
  }

  beforeAll(async () => {
    lab = await startVolumeLab()
    folder = mkdtempSync(join('/tmp', 'acs-sk-'))
    await writeConfiguration()
    dockerd = spawn('unshare', ['--mount', '--propagation', 'shared', 'sh', '-euc', host, 'sh', folder], {
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    await until('dockerd answers', 60_000, () => docker('version').then(Boolean, () => false))
    await importBox()
    await startSidekick()
  }, 120_000)

  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') {
      const { stdout, stderr } = await shell('docker', ['-H', `unix://${folder}/docker.sock`, 'logs', 'sidekick'])
      process.stderr.write(stdout + stderr)
    }
  })

  afterAll(async () => {
    // What every process says is kept to be searched for secrets.
    for (const shown of ['logs', 'inspect']) await docker(shown, 'sidekick').catch(() => undefined)
    await docker('rm', '-f', ...(await docker('ps', '-aq')).split('\n')).catch(() => undefined)
    const ended = new Promise((resolve) => dockerd.once('exit', resolve))
    dockerd.kill('SIGTERM')
    await ended
    await lab.close()
    keepFiles(folder)
    rmSync(folder, { recursive: true, force: true })
  })

  /** What `acs plugin install` writes, for the upper layer of /etc. */
  async function writeConfiguration(): Promise<void> {
    const tree = join(folder, 'tree')
    mkdirSync(tree)
    const { ACS_ENDPOINT: endpoint = '', ACS_USERNAME: username = '', ACS_FINGERPRINT: fingerprint } = lab.env
    await installPlugin(
      {
        name: 'nutanix',
        program: ['/usr/bin/acs'],
        podman: false,
        prefix: tree,
        dryRun: false,
        connection: { endpoint, username, fingerprint, dataServices: lab.env.ACS_DATA_SERVICES },
      },
      { runner: createRunner(), deadline: deadlineIn(10_000), report: () => undefined },
    )
    copyFileSync(lab.env.ACS_PASSWORD_FILE ?? '', join(tree, 'etc/acs/password'))
    writeFileSync(join(tree, 'etc/acs/plugin.yaml'), "linger: 1s\nlog: debug\npeer: { listen: '127.0.0.1:0' }\n")
  }

  /** $1: the test's folder. Ends as dockerd. */
  const host = `
    mount -t tmpfs tmpfs /mnt && mkdir /mnt/acs
    mkdir "$1/work" && mount -t overlay overlay -o "lowerdir=/etc,upperdir=$1/tree/etc,workdir=$1/work" /etc
    mount -t tmpfs tmpfs /var/lib && mkdir /var/lib/acs
    mount -t tmpfs tmpfs /run && mkdir -p /run/acs /run/docker/plugins /run/lock
    exec dockerd -H "unix://$1/docker.sock" -H unix:///run/docker.sock --data-root "$1/data" --exec-root "$1/exec" -p "$1/pid" \\
      --iptables=false --ip6tables=false --bridge=none --log-level error`

  /** This machine's Debian by bind mounts, as no registry is at hand: only the links of a merged /usr are in the image. */
  async function importBox(): Promise<void> {
    const rootfs = join(folder, 'rootfs')
    for (const name of ['usr', 'etc', 'tmp', 'opt/acs', 'opt/sidekick', 'opt/tools', 'root'])
      mkdirSync(join(rootfs, name), { recursive: true })
    writeFileSync(join(rootfs, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n')
    for (const name of ['bin', 'sbin', 'lib', 'lib64']) symlinkSync(`usr/${name}`, join(rootfs, name))
    await shell('tar', ['-C', rootfs, '-cf', join(folder, 'box.tar'), '.'])
    await docker('import', join(folder, 'box.tar'), 'box')
  }

  /** `privileged`; where this machine's Docker lacks a capability that it would pass on, what acs needs of it. */
  function privileges(): string[] {
    const bounding = BigInt(`0x${/^CapBnd:\s*(\w+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'}`)
    const all = (1n << 38n) - 1n
    if ((bounding & all) === all) return ['--privileged']
    return [
      ...['SYS_ADMIN', 'SYS_PTRACE', 'SYS_MODULE', 'NET_ADMIN', 'IPC_LOCK'].map((name) => `--cap-add=${name}`),
      ...['seccomp=unconfined', 'apparmor=unconfined', 'systempaths=unconfined'].map(
        (each) => `--security-opt=${each}`,
      ),
      ...['--device-cgroup-rule=a *:* rwm', '-v', '/sys:/sys'],
    ]
  }

  const box = ['-v', '/usr:/usr:ro', '--network', 'none', '--rm']

  /** As the compose file has it. */
  async function startSidekick(): Promise<void> {
    const file = readFileSync(join(projectRoot, 'packaging/sidekick/compose.yaml'), 'utf8')
    const { plugin } = (parse(file) as { services: { plugin: Service } }).services
    expect(plugin.privileged).toBe(true)
    await docker(
      ...['run', '-d', '--name', 'sidekick', ...privileges(), '--network', plugin.network_mode, '--pid', plugin.pid],
      ...['--ipc', plugin.ipc, '--uts', plugin.uts, '--cgroupns', plugin.cgroup],
      // Only a privileged container may move processes to other control groups; managed.test.ts sees that done.
      ...Object.entries({ ...plugin.environment, ...talkativeEnvironment })
        .filter(([key]) => key !== 'ACS_DAEMON_CGROUP_OF')
        .flatMap(([key, value]) => ['-e', `${key}=${value}`]),
      ...plugin.volumes.flatMap(({ source, target, read_only: readOnly, bind }) => {
        const options = [readOnly ? 'ro' : 'rw', ...(bind ? [bind.propagation] : [])]
        return ['-v', `${source}:${target}:${options.join(',')}`]
      }),
      // In place of the Dockerfile.
      ...[
        '-v',
        '/usr:/usr:ro',
        '-v',
        `${projectRoot}:/opt/acs:ro`,
        '-v',
        `${projectRoot}/packaging/sidekick:/opt/sidekick:ro`,
      ],
      ...['-e', 'ACS_TOOLS_FOLDER=/opt/tools', '-e', 'PATH=/opt/tools:/usr/sbin:/usr/bin:/sbin:/bin'],
      ...['--entrypoint', '/opt/sidekick/start', 'box'],
    )
  }

  it('serves volumes to the Docker that it runs in', async () => {
    await docker('volume', 'create', '-d', 'nutanix', '-o', 'size=64M', 'db')
    await docker('run', ...box, '-v', 'db:/data', 'box', 'sh', '-c', 'echo kept > /data/file')
    expect(await docker('run', ...box, '-v', 'db:/data', 'box', 'cat', '/data/file')).toBe('kept')
    await until(
      'the volume is detached',
      20_000,
      async () => (await lab.prism.volumeGroups())[0]?.attachments.length === 0,
    )
    expect(lab.simulator.state().iscsiSessions).toBe(0)
  })

  it("calls the host's own iscsiadm, and knows the host's name", async () => {
    const version = 'chroot /host cat /etc/debian_version; ls /opt/tools; iscsiadm --version'
    const told = await docker('exec', 'sidekick', 'sh', '-c', version)
    expect(told).toContain('iscsiadm version')
    const { stdout } = await shell('hostname')
    expect(await docker('exec', 'sidekick', 'hostname')).toBe(stdout.trim())
  })

  it('is stopped in order, and leaves no socket behind', async () => {
    await docker('stop', '--time', '30', 'sidekick')
    expect(await docker('inspect', '-f', '{{.State.ExitCode}}', 'sidekick')).toBe('0')
    const sockets = `/proc/${dockerd.pid ?? 0}/root/run/docker/plugins`
    expect(await shell('ls', [sockets])).toMatchObject({ stdout: '' })
  })
})

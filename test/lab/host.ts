import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect, readVm, type SimClient } from '../integration/sim/sim-client.js'
import { acs, acsJson } from './commands.js'
import type { LabFacts } from './lab.js'
import { sshTo, type Ssh } from './ssh.js'

/** One Docker host of the lab: a machine of the cluster, and its shell. */
export interface Host extends Ssh {
  name: string
  address: string
  /** Waits until its shell and its Docker answer, in another boot than the one given; returns how long that took, ms. */
  booted(after?: string): Promise<number>
  bootId(): Promise<string>
  /** acs there: the program of the packed tarball, with the plugin as a service of systemd. */
  install(): Promise<void>
  /** acs on this machine, about it: `vm('stop')`. */
  vm(...words: string[]): Promise<string>
  state(): Promise<string>
  /** As an administrator of the cluster could: the machine stands still, and knows nothing of it. */
  pause(): Promise<void>
  unpause(): Promise<void>
  /** Plugs its network cable out, or in. */
  setCable(isIn: boolean): Promise<void>
  /** Ends its QEMU with SIGKILL. */
  kill(): Promise<void>
  consoleLog(): Promise<string>
}

const bootWithinMs = 300_000
const bootIdFile = '/proc/sys/kernel/random/boot_id'
/** The driver's name in Docker. */
export const driver = 'nutanix'

export function hostOf(facts: LabFacts, name: string): Host {
  const address = facts.addresses[name] ?? ''
  const ssh = sshTo(address, facts.keyFile, facts.folder)
  const cluster = async (work: (client: SimClient, uuid: string) => Promise<unknown>): Promise<void> => {
    const { uuid } = await acsJson<{ uuid: string }>(['vm', 'show', name], facts.env)
    const { ACS_ENDPOINT = '', ACS_USERNAME = '', ACS_PASSWORD_FILE = '', ACS_CA_FILE = '' } = facts.env
    const client = await connect({
      ...{ endpoint: ACS_ENDPOINT, username: ACS_USERNAME },
      ...{ passwordFile: ACS_PASSWORD_FILE, certificateFile: ACS_CA_FILE },
    })
    await work(client, uuid).finally(() => client.close())
  }
  const power = (transition: string): Promise<void> =>
    cluster((client, uuid) => client.done(client.post(`/vms/${uuid}/set_power_state/`, { transition })))
  const vm = (verb: string, ...words: string[]): Promise<string> => acs(['vm', verb, name, ...words], facts.env)
  return {
    ...ssh,
    name,
    address,
    vm: (verb = '', ...words) => vm(verb, ...words),
    bootId: async () => (await ssh.run(`cat ${bootIdFile}`)).trim(),
    async booted(after = '') {
      const beganAt = Date.now()
      for (;;) {
        const isNew = `[ "$(cat ${bootIdFile})" != '${after}' ] && systemctl is-active --quiet docker`
        const { code, stderr } = await ssh.attempt(isNew, { timeoutMs: 30_000 })
        if (code === 0) return Date.now() - beganAt
        if (Date.now() - beganAt > bootWithinMs) throw new Error(`${name} does not answer: ${stderr}`)
        await new Promise((resolve) => setTimeout(resolve, 1000))
      }
    },
    async install() {
      const tarball = (await readdir(facts.folder)).find((file) => file.endsWith('.tgz')) ?? ''
      const content = await readFile(join(facts.folder, tarball), 'base64')
      await ssh.run(
        'mkdir -p /opt/acs && base64 -d | tar -xz -C /opt/acs --strip-components 1 && ln -sf /opt/acs/bin/run.js /usr/local/bin/acs',
        { input: content },
      )
      const password = await readFile(facts.env.ACS_PASSWORD_FILE ?? '', 'utf8')
      const flags = `--endpoint ${facts.endpoint} --username admin --fingerprint ${facts.fingerprint}`
      await ssh.run(`acs plugin install ${flags} --password-stdin --no-input`, { input: password })
      await ssh.run('docker import /opt/busybox.tar busybox >/dev/null')
    },
    state: async () => (await acsJson<{ state: string }>(['vm', 'show', name], facts.env)).state,
    pause: () => power('PAUSE'),
    unpause: () => power('RESUME'),
    async setCable(isIn) {
      await cluster(async (client, uuid) => {
        const { vm_nics } = await readVm(client, uuid)
        const { mac_address, network_uuid } = vm_nics[0]!
        const nic_spec = { mac_address, network_uuid, is_connected: isIn }
        await client.done(client.put(`/vms/${uuid}/nics/${mac_address}`, { nic_spec }))
      })
      if (!isIn) await ssh.disconnect()
    },
    async kill() {
      const { uuid } = await acsJson<{ uuid: string }>(['vm', 'show', name], facts.env)
      const pid = Number(await readFile(join(facts.folder, 'sim', 'machines', uuid, 'pid'), 'utf8'))
      process.kill(pid, 'SIGKILL')
      await ssh.disconnect()
    },
    consoleLog: () => acs(['vm', 'console-log', name], facts.env),
  }
}

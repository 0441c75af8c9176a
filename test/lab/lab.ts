import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { acs, acsJson, exec } from './commands.js'
import { guestImage } from './guest-image.js'

/** What the tests need to find the lab their run has started. */
export interface LabFacts {
  folder: string
  /** For acs on this machine. */
  env: Record<string, string>
  keyFile: string
  /** Prism, as the guests reach it. */
  endpoint: string
  fingerprint: string
  /** By the name of the machine. */
  addresses: Record<string, string>
}

/** Two machines, as their users would: one Docker host each. */
export const hostNames = ['lab-a', 'lab-b'] as const

const subnet = '10.216.0.0/24'

/** A simulated cluster whose machines boot, with the lab's guests running in it. */
export async function startLab(log: (line: string) => void): Promise<LabFacts> {
  const image = await guestImage(log)
  const folder = await mkdtemp(join(tmpdir(), 'acs-lab-'))
  const data = join(folder, 'sim')
  try {
    const started = await acsJson<Record<string, string>>(
      [
        'sim',
        'start',
        '--detach',
        '--data',
        data,
        '--hypervisor',
        'qemu',
        '--subnet',
        subnet,
        '--listen',
        '127.0.0.1:0',
      ],
      { ACS_CONFIG_DIR: folder },
    )
    const env = {
      ACS_CONFIG_DIR: folder,
      ACS_STATE_DIR: join(folder, 'state'),
      ACS_ENDPOINT: started.endpoint ?? '',
      ACS_USERNAME: started.username ?? '',
      ACS_PASSWORD_FILE: started.passwordFile ?? '',
      ACS_CA_FILE: started.certificateFile ?? '',
    }
    const keyFile = join(folder, 'key')
    await exec('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', keyFile])
    log('lab: image')
    await acs(['image', 'create', 'guest', '--file', image], env)
    await exec('npm', ['pack', '--silent', '--pack-destination', folder], {
      cwd: join(import.meta.dirname, '..', '..'),
    })
    const port = new URL(env.ACS_ENDPOINT).port
    const facts: LabFacts = {
      ...{ folder, env, keyFile, fingerprint: started.fingerprint ?? '', addresses: {} },
      endpoint: `10.216.0.1:${port}`,
    }
    await Promise.all(hostNames.map((name) => makeHost(facts, name)))
    log(`lab: ${Object.values(facts.addresses).join(' and ')} started`)
    return facts
  } catch (error) {
    await stopLab({ folder })
    throw error
  }
}

async function makeHost(facts: LabFacts, name: string): Promise<void> {
  const key = (await readFile(`${facts.keyFile}.pub`, 'utf8')).trim()
  const userData = join(facts.folder, `${name}.yaml`)
  await writeFile(userData, `#cloud-config\nhostname: ${name}\ndisable_root: false\nssh_authorized_keys:\n  - ${key}\n`)
  const create = ['vm', 'create', name, '--image', 'guest', '--memory', '1G', '--vcpus', '1', '--network', 'machines']
  await acs([...create, '--cloud-init', userData, '--start'], facts.env)
  facts.addresses[name] = (await acs(['vm', 'ip', name], facts.env)).trim()
}

export async function stopLab({ folder }: Pick<LabFacts, 'folder'>): Promise<void> {
  await acs(['sim', 'stop', '--data', join(folder, 'sim')], { ACS_CONFIG_DIR: folder })
  await rm(folder, { recursive: true, force: true })
}

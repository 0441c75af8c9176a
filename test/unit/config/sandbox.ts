import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach } from 'vitest'
import { stringify } from 'yaml'
import type { Keyring } from '../../../src/lib/config/keyring.js'
import { resolveConnection, type ResolveInput, type ResolvedConnection } from '../../../src/lib/config/resolve.js'

export interface Sandbox {
  folder: string
  configFile: string
  systemFile: string
  /** Writes a file of this mode in the sandbox, and returns its path. */
  write(name: string, content: string, mode?: number): Promise<string>
  /** Writes the user's config.yaml. */
  configure(config: unknown): Promise<void>
  /** Resolves with this sandbox's files and nothing of the machine; warnings are collected. */
  resolve(input?: Partial<ResolveInput>): Promise<ResolvedConnection & { warnings: string[] }>
}

/** A folder of its own for each test. */
export function useSandbox(): Sandbox {
  const sandbox: Sandbox = {
    folder: '',
    configFile: '',
    systemFile: '',
    async write(name, content, mode = 0o600) {
      const path = join(sandbox.folder, name)
      await mkdir(join(path, '..'), { recursive: true })
      await writeFile(path, content)
      await chmod(path, mode)
      return path
    },
    async configure(config) {
      await sandbox.write('config.yaml', stringify(config))
    },
    async resolve({ flags = {}, env = {}, ...rest } = {}) {
      const warnings: string[] = []
      const connection = await resolveConnection({
        flags,
        env: { ACS_CONFIG: sandbox.configFile, ...env },
        systemFile: sandbox.systemFile,
        keyring: keyringOf({}),
        warn: (text) => warnings.push(text),
        ...rest,
      })
      return { ...connection, warnings }
    },
  }
  beforeEach(async () => {
    sandbox.folder = await mkdtemp(join(tmpdir(), 'acs-config-'))
    sandbox.configFile = join(sandbox.folder, 'config.yaml')
    sandbox.systemFile = join(sandbox.folder, 'system.yaml')
  })
  afterEach(() => rm(sandbox.folder, { recursive: true, force: true }))
  return sandbox
}

export function keyringOf(passwords: Record<string, string>): Keyring {
  return {
    read: (account) => Promise.resolve(passwords[account]),
    store: (account, password) => {
      passwords[account] = password
      return Promise.resolve()
    },
    remove: (account) => Promise.resolve(Reflect.deleteProperty(passwords, account)),
  }
}

import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import { isAcsError, messageOf } from '../base/errors.js'
import { readConfig, readSystemConfig } from '../config/config-file.js'
import { configFile } from '../config/paths.js'
import type { ClusterFields } from '../config/schema.js'
import type { DoctorContext } from './context.js'
import { ok, type Finding } from './finding.js'
import { namesIn, statOf } from './folder.js'

/** Who may read and write what acs keeps. */
export async function fileFindings(context: DoctorContext): Promise<Finding[]> {
  const [folders, secrets, configs] = await Promise.all([
    folderFindings(context),
    secretFindings(context),
    configFindings(context),
  ])
  return [...folders, ...secrets, ...configs]
}

async function folderFindings({ stateFolder, runtimeFolder }: DoctorContext): Promise<Finding[]> {
  const looked = await Promise.all(
    [stateFolder, runtimeFolder].map(async (path) => {
      const status = await statOf(path)
      if (status === undefined) return ok('state-folder', `${path} is not there yet`)
      const mode = status.mode & 0o777
      if (!isOwn(status.uid))
        return openFile('state-folder', path, `belongs to the user ${status.uid}`, `chown root: ${path}`, 'problem')
      if ((mode & 0o022) !== 0) return tooOpen('state-folder', path, mode, 0o700, 'write', 'problem')
      if ((mode & 0o055) !== 0) return tooOpen('state-folder', path, mode, 0o700, 'read', 'warning')
      return ok('state-folder', `${path} is private`)
    }),
  )
  return looked
}

/** CHAP secrets of volumes, keys of the plugin, passwords in files. */
async function secretFindings(context: DoctorContext): Promise<Finding[]> {
  const paths = [...(await keptSecrets(context.stateFolder)), ...(await passwordFiles(context))]
  const looked = await Promise.all(
    [...new Set(paths)].map(async (path) => {
      const status = await statOf(path)
      if (!status?.isFile()) return []
      const mode = status.mode & 0o777
      if (!isOwn(status.uid))
        return [openFile('secret-file', path, `belongs to the user ${status.uid}`, `chown root: ${path}`, 'problem')]
      if ((mode & 0o077) !== 0) return [tooOpen('secret-file', path, mode, 0o600, 'read', 'problem')]
      return [ok('secret-file', `${path} is private`)]
    }),
  )
  const found = looked.flat()
  const open = found.filter(({ severity }) => severity !== 'ok')
  if (open.length > 0) return open
  return [
    ok(
      'secret-file',
      'nobody else may read a secret',
      found.map(({ title }) => title),
    ),
  ]
}

async function keptSecrets(stateFolder: string): Promise<string[]> {
  const chap = (await namesIn(join(stateFolder, 'chap'))).map((name) => join(stateFolder, 'chap', name))
  const below = await Promise.all(
    (await namesIn(stateFolder)).map(async (name) => {
      const folder = join(stateFolder, name)
      return (await namesIn(folder)).map((file) => join(folder, file))
    }),
  )
  return [...chap, ...below.flat().filter((path) => /\.(?:key|secret)$/.test(path))]
}

async function passwordFiles({ env, roots }: DoctorContext): Promise<string[]> {
  const system = join(roots.etc, 'acs', 'password')
  const [contexts, whole] = await Promise.all([
    // What is wrong with these files is a finding of its own.
    readConfig(configFile(env)).then(
      (config) => Object.values(config.contexts),
      () => [],
    ),
    readSystemConfig(join(roots.etc, 'acs', 'config.yaml')).catch((): ClusterFields => ({})),
  ])
  const stored = [...contexts, whole].flatMap(({ credential }) =>
    credential?.source === 'file' ? [credential.path] : [],
  )
  return [system, ...stored, ...(env.ACS_PASSWORD_FILE ? [env.ACS_PASSWORD_FILE] : [])]
}

async function configFindings({ env, roots, pluginConfigError }: DoctorContext): Promise<Finding[]> {
  const user = configFile(env)
  const system = join(roots.etc, 'acs', 'config.yaml')
  const looked = await Promise.all([
    readConfig(user).then(
      (config) => ok('config-file', `${user}: ${Object.keys(config.contexts).length} contexts`),
      badConfig,
    ),
    readSystemConfig(system).then(
      (fields) => ok('config-file', Object.keys(fields).length > 0 ? `${system} is used` : `${system} says nothing`),
      badConfig,
    ),
  ])
  return [...looked, ...(pluginConfigError ? [badConfig(pluginConfigError)] : [])]
}

function badConfig(error: unknown): Finding {
  return {
    id: 'config-file',
    severity: 'problem',
    title: messageOf(error),
    evidence: [],
    cure: isAcsError(error) ? error.hints : [],
  }
}

function tooOpen(
  id: 'state-folder' | 'secret-file',
  path: string,
  mode: number,
  wanted: number,
  may: 'read' | 'write',
  severity: 'problem' | 'warning',
): Finding {
  const command = `chmod ${wanted.toString(8)} ${path}`
  return {
    ...openFile(id, path, `others may ${may} it`, command, severity),
    evidence: [`mode ${mode.toString(8).padStart(4, '0')}`],
    fix: {
      words: command,
      run: async () => {
        await chmod(path, wanted)
        return undefined
      },
    },
  }
}

function openFile(
  id: 'state-folder' | 'secret-file',
  path: string,
  why: string,
  cure: string,
  severity: 'problem' | 'warning',
): Finding {
  return { id, about: path, severity, title: `${path}: ${why}`, evidence: [], cure: [cure] }
}

function isOwn(uid: number): boolean {
  return uid === 0 || uid === process.geteuid?.()
}

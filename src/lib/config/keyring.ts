import { AcsError, isAcsError, messageOf } from '../base/errors.js'

/** Where passwords are kept by the desktop or by a headless gnome-keyring. */
export interface Keyring {
  read(account: string): Promise<string | undefined>
  store(account: string, password: string): Promise<void>
  /** `false`: there was none. */
  remove(account: string): Promise<boolean>
}

const service = 'acs'

/** Long enough to type the password of a locked keyring, short enough not to look hung. */
const patienceMs = 20_000

/** The account of a password: it belongs to one user on one endpoint and is never sent to another. */
export function accountOf(username: string, authority: string): string {
  return `${username}@${authority}`
}

/**
 * The Secret Service of this session (libsecret over D-Bus), through keytar, loaded on first use only. Every call
 * throws EACSKEYRING (precondition) where there is none, and after 20 s.
 */
export const systemKeyring: Keyring = {
  read: async (account) => {
    const password = await ask('read', (keytar) => keytar.getPassword(service, account))
    return password ?? undefined
  },
  store: (account, password) => ask('store', (keytar) => keytar.setPassword(service, account, password)),
  remove: (account) => ask('remove', (keytar) => keytar.deletePassword(service, account)),
}

type Keytar = typeof import('keytar')

async function ask<T>(what: string, call: (keytar: Keytar) => Promise<T>): Promise<T> {
  const keytar = await load()
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(unavailable(`it did not answer within ${patienceMs / 1000} s`)), patienceMs)
  })
  try {
    return await Promise.race([call(keytar), late])
  } catch (error) {
    throw isAcsError(error) ? error : unavailable(`could not ${what}: ${messageOf(error)}`, error)
  } finally {
    clearTimeout(timer)
  }
}

async function load(): Promise<Keytar> {
  try {
    // CommonJS: the functions are on `default`, typed on the module.
    const module: Keytar & { default?: Keytar } = await import('keytar')
    return module.default ?? module
  } catch (error) {
    // An optional dependency: npm leaves it out where it does not install, and it needs libsecret to load.
    const missing = messageOf(error).includes('libsecret')
      ? 'libsecret is not installed'
      : 'the module keytar does not load'
    throw unavailable(missing, error)
  }
}

function unavailable(why: string, cause?: unknown): AcsError {
  return new AcsError('precondition', 'EACSKEYRING', `there is no usable keyring here: ${why}`, {
    cause,
    hints: [
      'Keep the password in a file of mode 0600 instead: acs login --credential file',
      'On a server: apt install gnome-keyring libsecret-1-0 dbus, and run within dbus-run-session',
    ],
  })
}

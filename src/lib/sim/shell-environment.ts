import type { RunningSimulator } from './folder-claim.js'

/** What a shell needs to use the simulator; the password itself stays in its file. */
export function shellEnvironment(running: RunningSimulator): Record<string, string> {
  const { endpoint = '', username = '', passwordFile = '', certificateFile = '', dataServices = '' } = running
  return {
    ACS_ENDPOINT: endpoint,
    ACS_USERNAME: username,
    ACS_PASSWORD_FILE: passwordFile,
    ACS_CA_FILE: certificateFile,
    ACS_DATA_SERVICES: dataServices,
  }
}

/** `export NAME='value'` lines for a POSIX shell. */
export function exportLines(variables: Readonly<Record<string, string>>): string {
  return Object.entries(variables)
    .map(([name, value]) => `export ${name}='${value.replaceAll("'", `'\\''`)}'\n`)
    .join('')
}

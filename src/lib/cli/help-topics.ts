import { exitCodes } from './exit-codes.js'

/** Help that belongs to no command: `acs help exit-codes`. */
export interface HelpTopic {
  name: string
  summary: string
  text: () => string
}

export const helpTopics: readonly HelpTopic[] = [
  { name: 'exit-codes', summary: 'What the exit code of a command says', text: exitCodesText },
  { name: 'environment', summary: 'Environment variables acs reads', text: environmentText },
  { name: 'formatting', summary: 'Output formats, columns, sorting and filters', text: formattingText },
]

/** Variables acs reads itself; each loses to the flag of the same meaning. */
export const environmentVariables = [
  ['ACS_CONTEXT', 'Context to use (--context)'],
  ['ACS_ENDPOINT', 'Prism Element, HOST or HOST:PORT (--endpoint)'],
  ['ACS_USERNAME', 'User on the cluster (--username)'],
  ['ACS_PASSWORD_FILE', 'File of mode 0600 with the password (--password-file)'],
  ['ACS_PASSWORD', 'The password; other processes may read it, so the last resort'],
  ['ACS_CA_FILE', 'Certificate authority of the cluster (--ca-file)'],
  ['ACS_FINGERPRINT', "SHA-256 fingerprint of the cluster's certificate (--fingerprint)"],
  ['ACS_DATA_SERVICES', "iSCSI data services portal, where the cluster's own answer does not serve"],
  ['ACS_CONTAINER', 'Storage container for new volumes'],
  ['ACS_OUTPUT', 'table, json, yaml or name (--output)'],
  ['ACS_TIMEOUT', 'Longest time for a command, 30s, 2m (--timeout)'],
  ['ACS_NO_INPUT', 'Set to true: never ask (--no-input)'],
  ['ACS_DEBUG', 'Set to true: log to standard error (--debug)'],
  ['ACS_INITIATOR', 'auto, kernel or userspace (--using)'],
  ['ACS_INITIATOR_NAME', "IQN of the userspace initiator; default: made once, in this machine's state"],
  ['ACS_SIM_DATA', 'Folder of the simulator (--data)'],
  ['ACS_SIM_RECORD', 'File to which acs sim start adds every request and answer (--record)'],
  ['ACS_CONFIG', 'The configuration file, instead of config.yaml in the folder below'],
  ['ACS_CONFIG_HOME', 'Folder of config.yaml; default $XDG_CONFIG_HOME/acs or ~/.config/acs'],
  ['ACS_STATE_DIR', 'What is remembered here of volumes; default /var/lib/acs, for a user $XDG_STATE_HOME/acs'],
  ['ACS_RUN_DIR', 'Sockets and locks of this machine; default /run/acs'],
  ['ACS_PLUGIN_FOLDER', "The managed plugin's own: where Docker looks for its volumes"],
  ['ACS_DAEMON_CGROUP_OF', "The managed plugin's own: process whose control groups storage daemons join"],
] as const

/** Variables that belong to others, and mean the same to acs. */
export const commonVariables = [
  ['NO_COLOR', 'Not empty: no colours (--no-color)'],
  ['FORCE_COLOR', 'Neither empty nor 0: colours, into a pipe too'],
  ['TERM', 'dumb: no colours, and lines in place of a spinner'],
  ['CREDENTIALS_DIRECTORY', "systemd's folder of credentials: LoadCredential=acs-password:FILE is the password"],
  ['LISTEN_PID, LISTEN_FDS', "systemd's socket activation: the socket that acs plugin serve takes over"],
  ['SYSTEMD_EXEC_PID', "systemd's: that it started acs plugin serve, for acs plugin status"],
  ['XDG_CONFIG_HOME', 'Configuration of this user, if absolute; default ~/.config'],
  ['XDG_STATE_HOME', 'State of a user other than root, if absolute; default ~/.local/state'],
  ['XDG_DATA_HOME', 'The simulator of a user other than root; default ~/.local/share'],
  ['HOME', 'What ~ is above'],
  ['PATH', 'Where mount, mkfs, iscsiadm and other tools are looked for; /sbin and /usr/sbin always'],
  ['NODE_EXTRA_CA_CERTS', "Node's: a PEM file of CAs to trust besides those of Node.js"],
] as const

/** Names of older Nutanix tools, read where ours is not set. */
export const olderVariables = [
  ['NUTANIX_ENDPOINT, PRISM_IP', 'ACS_ENDPOINT'],
  ['NUTANIX_USERNAME, PRISM_USERNAME', 'ACS_USERNAME'],
  ['NUTANIX_PASSWORD, PRISM_PASSWORD', 'ACS_PASSWORD'],
  ['DATASERVICES_IP', 'ACS_DATA_SERVICES'],
  ['DEFAULT_CONTAINER', 'ACS_CONTAINER'],
] as const

function exitCodesText(): string {
  return page('A number, once given a meaning, keeps it.', [
    ...exitCodes.map(({ code, meaning }) => `  ${String(code).padStart(3)}  ${meaning}`),
    '',
    'With --json the same code is in error.exitCode, and error.code is a stable name to match on:',
    '',
    '  acs volume show web --json | jq -r .error.code',
  ])
}

function environmentText(): string {
  return page(
    'A flag wins over the environment, the environment over the context, the context over /etc/acs/config.yaml.',
    [
      ...twoColumns(environmentVariables),
      '',
      'Names of older tools, read where the name of acs is not set:',
      '',
      ...twoColumns(olderVariables),
      '',
      'Not only of acs:',
      '',
      ...twoColumns(commonVariables),
      '',
      'acs talks to Prism directly. HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY are not read.',
    ],
  )
}

function formattingText(): string {
  return page('The result goes to standard output, everything else to standard error.', [
    '  -o table   for people (default)',
    '  -o json    {"result": ..., "warnings": [...]}, or {"error": ..., "warnings": [...]}; --json is short for it',
    '  -o yaml    the same document as YAML',
    '  -o name    names only, one a line; -q in lists',
    '',
    'JSON has raw values: sizes in bytes, times in ISO 8601, null for unknown.',
    '',
    'Lists:',
    '',
    '  --columns name,sizeBytes    which columns, by their JSON key; all for every one',
    '  --sort sizeBytes:desc,name  in which order',
    '  --filter CONDITION          which rows; repeated conditions must all hold',
    '  --limit 10                  how many, after sorting',
    '',
    'Conditions (case does not count; of a list, one item must match):',
    '',
    '  name=web-*       is; * is any text, ? one character',
    '  name!=web-*      is not',
    '  name~web         contains',
    '  name!~web        does not contain',
    '  sizeBytes>=10G   numbers: > >= < <=; sizes may have a unit',
  ])
}

function page(first: string, lines: readonly string[]): string {
  return `${[first, '', ...lines].join('\n')}\n`
}

function twoColumns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows.map(([name, meaning]) => `  ${name.padEnd(width)}  ${meaning}`)
}

import { AcsError } from '../../base/errors.js'
import { printable } from '../../base/printable.js'
import { aliasPath } from '../alias.js'
import { socketPath } from '../socket.js'

/** What the units of one plugin depend on. */
export interface UnitRequest {
  /** Name of the volume driver in Docker. */
  name: string
  /** What starts acs, absolute: `['/usr/bin/node', '/opt/acs/bin/run.js']`. */
  program: readonly string[]
}

/** First line of every file that the installer writes and may replace or remove again. */
export const ownMark = '# Written by acs plugin install.'

/** The driver's name when none is given. */
export const defaultPluginName = 'nutanix'

/** `acs-plugin`, or `acs-plugin-NAME` where the driver has another name. */
export function unitBase(name: string): string {
  return name === defaultPluginName ? 'acs-plugin' : `acs-plugin-${name}`
}

/**
 * The socket unit: it is there before Docker starts, so Docker never waits for a plugin that is not (docker-protocols.md
 * finding 8 and A.7). A connection waits in it until the service accepts.
 */
export function socketUnit({ name }: UnitRequest): string {
  return `${ownMark} Changes of your own: systemctl edit ${unitBase(name)}.socket
[Unit]
Description=Socket of the Nutanix volume plugin of Docker
Documentation=https://docs.docker.com/engine/extend/plugins_volume/
# Docker finds the socket when it starts, and waits in it for the plugin instead of 15 s for every volume.
Before=docker.service podman.service podman-restart.service

[Socket]
ListenStream=${socketPath(name)}
# Containers and volumes of a managed plugin of this name, Nutanix's old one too, ask for the driver with its tag.
Symlinks=${aliasPath(socketPath(name))}
SocketMode=0600
DirectoryMode=0755
# A socket that nobody listens on costs 15 s at every docker volume ls.
RemoveOnStop=yes

[Install]
WantedBy=sockets.target
`
}

/** The service. What must not be in it is as important as what is: see its comments. */
export function serviceUnit({ name, program }: UnitRequest): string {
  const base = unitBase(name)
  const command = [...program, 'plugin', 'serve', ...(name === defaultPluginName ? [] : ['--name', name])]
  return `${ownMark} Changes of your own: systemctl edit ${base}.service
[Unit]
Description=Nutanix volume plugin of Docker (acs plugin serve)
Documentation=https://docs.docker.com/engine/extend/plugins_volume/
Requires=${base}.socket
Wants=network-online.target
After=${base}.socket network-online.target iscsid.service multipathd.service
# Not Requires=docker.service, as Docker's sample has it: a restart of Docker would stop the plugin under its volumes.
Before=docker.service podman.service podman-restart.service
# For as long as a container needs it, it is tried again.
StartLimitIntervalSec=0

[Service]
Type=simple
ExecStart=${execLine(command)}
ExecReload=/bin/kill -HUP $MAINPID
Restart=always
RestartSec=2
# Only the plugin itself: the storage daemons that hold mounted disks outlive it.
KillMode=process
# Calls that are at work are finished first; Docker gives a mount two minutes.
TimeoutStopSec=150
OOMPolicy=continue
OOMScoreAdjust=-900
LimitNOFILE=65536
TasksMax=infinity
# No PrivateTmp=, ProtectSystem=, ProtectHome=, PrivateMounts=, ReadOnlyPaths= or the like here: each gives the service a mount
# namespace of its own, and Docker would see none of its mounts. acs doctor looks for them.

# The password is not in here, and must not be. acs looks for it in a systemd credential called acs-password, then where
# /etc/acs/config.yaml says: a file of mode 0600. To use a credential, put one of these lines into
# "systemctl edit ${base}.service"; a file that is missing keeps the service from starting.
#   [Service]
#   LoadCredential=acs-password:/etc/acs/password
#   LoadCredentialEncrypted=acs-password:/etc/credstore.encrypted/acs-password

[Install]
WantedBy=multi-user.target
Also=${base}.socket
`
}

/** A command line as systemd reads it: every word that is not plain in quotes, `%` and `$` doubled (systemd.service(5)). */
export function execLine(argv: readonly string[]): string {
  return argv
    .map((word) => {
      const escaped = word.replaceAll('%', '%%').replaceAll('$', '$$$$')
      if (/^[A-Za-z0-9_@:,./=+%$-]+$/.test(word)) return escaped
      return `"${escaped.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
    })
    .join(' ')
}

/** As dockerd finds a plugin by the name of its file, and systemd a unit. Throws EACSNAME. */
export function checkPluginName(name: string): void {
  if (/^[a-z0-9][a-z0-9_.-]{0,62}$/.test(name)) return
  throw new AcsError('usage', 'EACSNAME', `"${printable(name)}" cannot name a Docker plugin`, {
    hints: ['Use lower-case letters, digits, "_", "." and "-": --name nutanix'],
  })
}

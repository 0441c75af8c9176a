import { socketPath } from '../socket.js'
import { ownMark } from './units.js'

/** What is known of the cluster when the plugin is installed; no secret. */
export interface InstalledConnection {
  /** `https://host:port`. */
  endpoint: string
  username: string
  fingerprint?: string
  /** Where the file of its CA will be. */
  caFile?: string
  dataServices?: string
  storageContainer?: string
}

/** The file the service's password is kept in, mode 0600, unless a systemd credential has it. */
export const passwordFile = '/etc/acs/password'

/**
 * `/etc/acs/plugin.yaml`: every setting with its default, commented out. A line that starts with `#` and no blank is a setting,
 * one with a blank is text; the test takes the marks away and reads the rest.
 */
export const pluginYaml = `# Settings of the volume plugin. Everything has a default, which is what the lines that are commented out show.
# Take the "#" away to change one, then: systemctl reload acs-plugin

# Where volumes are mounted on this host.
#mountFolder: /mnt/acs

# How long a volume stays attached after its last container: docker run mounts twice in a row.
#linger: 20s

# What to do about another host that holds a volume and does not answer: take-over (after the delay), refuse, or wait.
#takeOver:
#  policy: take-over
#  delay: 30s

# Where other hosts' plugins ask for a volume, and the address they are told. Keep TCP 7440 open between the hosts.
#peer:
#  listen: 0.0.0.0:7440
#  advertise: 10.0.0.11:7440

# Which volume groups docker volume ls shows: ours (made by acs) or all.
#show: ours

# Options of new volumes, where -o says nothing.
#defaults:
#  size: 10G
#  fs: ext4

# Options that win over -o.
#enforce:
#  container: docker-volumes

# Sets of options to choose from: docker volume create -o profile=database db
#profiles:
#  database:
#    defaults:
#      size: 100G
#      fs: xfs
#    enforce:
#      on-remove: retain

# Limits: of the volumes this host makes, and of all hosts together in a storage container.
#quota:
#  host:
#    volumes: 50
#    size: 1T
#  containers:
#    docker-volumes:
#      volumes: 500
#      size: 10T

# How long a removed volume stays in the trash: acs volume undelete brings it back.
#trash:
#  keep: 7d

# Prometheus metrics: unix:/path, or an address of this host.
#metrics: 127.0.0.1:9744

# Docker's API, asked for the names of containers.
#docker: /var/run/docker.sock

# debug, info, warn or error.
#log: info
`

/** `/etc/acs/config.yaml`: which cluster the plugin, and acs on this host, is for. */
export function configYaml(connection?: InstalledConnection): string {
  const line = (key: keyof InstalledConnection, example: string): string => {
    const value = connection?.[key]
    return value === undefined ? `#${key}: ${example}` : `${key}: ${JSON.stringify(value)}`
  }
  return `# The cluster that acs and the volume plugin on this host use. A context of root's goes before this file.

# Prism Element, HOST or HOST:PORT, and a user who may manage volume groups.
${line('endpoint', 'prism.example.com')}
${line('username', 'docker')}

# Why its certificate is trusted: its SHA-256 fingerprint, or the CA that signed it; none where the system's CAs vouch for it.
${line('fingerprint', 'AA:BB:CC')}
${line('caFile', '/etc/acs/ca.pem')}

# Where the password is: a file of mode 0600 with it in the first line. A systemd credential acs-password goes before it.
${connection ? '' : '#'}credential:
${connection ? '' : '#'}  source: file
${connection ? '' : '#'}  path: ${passwordFile}

# The iSCSI data services portal, where the cluster's own answer does not serve; the storage container of new volumes.
${line('dataServices', '10.0.0.5')}
${line('storageContainer', 'docker-volumes')}
`
}

/** Podman's drop-in: its default of 5 s is too short for a first mount, and it does not try again (docker-protocols.md C). */
export function podmanConf(name: string): string {
  return `${ownMark}
[engine]
volume_plugin_timeout = 120

[engine.volume_plugins]
"${name}" = "${socketPath(name)}"
`
}

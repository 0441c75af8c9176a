/** Where the facts behind the checks are written. Paths are of moby at b985e231 (August 2026), Podman at 0b683141. */
export const sources = {
  activate: 'moby pkg/plugins/plugins.go activateWithLock',
  client: 'moby pkg/plugins/client.go callWithRetry',
  transport: 'moby pkg/plugins/transport/http.go NewRequest',
  proxy: 'moby daemon/volume/drivers/proxy.go',
  adapter: 'moby daemon/volume/drivers/adapter.go',
  lookup: 'moby daemon/volume/service/store.go lookupVolume',
  mounts: 'moby daemon/volume/mounts/mounts.go Setup, Cleanup',
  copyUp: 'moby daemon/container/container_unix.go copyExistingContents',
  podman: 'podman libpod/plugin/volume_api.go',
  /** Not read but seen: what went over the socket of a real daemon. */
  seen: (what: string) => `seen on dockerd 20.10.24: ${what}`,
  robust: 'RFC 9112; a plugin runs as root and everybody on its socket shares it',
} as const

/** How a client of the protocol writes a request. What it leaves out is part of it. */
export interface Dialect {
  id: 'docker' | 'older-docker' | 'podman' | 'plain'
  /** In words, for reports. */
  name: string
  host: string
  /** Headers after Host, in the order they are sent; Content-Length goes where it is null. */
  headers: readonly (readonly [name: string, value: string | null])[]
  /** Go's json.Encoder ends a document with a line break. */
  newline: boolean
}

const dockerHeaders = [
  ['User-Agent', 'Go-http-client/1.1'],
  ['Content-Length', null],
  ['Accept', 'application/vnd.docker.plugins.v1.2+json'],
] as const

/** dockerd 23.0.7, 24.0.5 and later: moby pkg/plugins/client.go `dummyHost`; no Content-Type, no Accept-Encoding. */
export const docker: Dialect = {
  id: 'docker',
  name: 'dockerd',
  host: 'plugin.moby.localhost',
  headers: dockerHeaders,
  newline: true,
}

/** dockerd up to 20.10, 23.0.6 and 24.0.4, byte by byte as seen on a socket: an empty Host. */
export const olderDocker: Dialect = { ...docker, id: 'older-docker', name: 'dockerd up to 24.0.4', host: '' }

/** Podman 4.3.1, as seen on a socket; podman libpod/plugin/volume_api.go. */
export const podman: Dialect = {
  id: 'podman',
  name: 'Podman',
  host: 'plugin',
  headers: [
    ['User-Agent', 'Go-http-client/1.1'],
    ['Content-Length', null],
    ['Content-Type', 'application/vnd.docker.plugins.v1.1+json'],
  ],
  newline: false,
}

/** What curl or a developer's own test sends: every header a web framework may ask for. */
export const plain: Dialect = {
  id: 'plain',
  name: 'a web client',
  host: 'localhost',
  headers: [
    ['User-Agent', 'acs'],
    ['Accept', '*/*'],
    ['Content-Type', 'application/json'],
    ['Content-Length', null],
  ],
  newline: false,
}

/** In the order in which they are tried for the calls that are not about headers. */
export const dialects: readonly Dialect[] = [docker, olderDocker, podman, plain]

/** The bytes of one request. `path` is `VolumeDriver.Get`; `body` goes out as it is. */
export function requestBytes(dialect: Dialect, path: string, body: string | Buffer, method = 'POST'): Buffer {
  const content = typeof body === 'string' ? Buffer.from(body) : body
  const lines = [
    `${method} /${path} HTTP/1.1`,
    `Host: ${dialect.host}`,
    ...dialect.headers.map(([name, value]) => `${name}: ${value ?? content.length}`),
  ]
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), content])
}

/** A JSON document as the client writes it. */
export function bodyText(dialect: Dialect, value: unknown): string {
  return `${JSON.stringify(value)}${dialect.newline ? '\n' : ''}`
}

import { createSocket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { AcsError, messageOf } from './errors.js'

/**
 * The address of this machine that a connection to `host` would have: the kernel says, and nothing is sent, as connecting a UDP
 * socket does not. Throws EACSNOROUTE.
 */
export async function localAddressTowards({ host, port }: { host: string; port: number }): Promise<string> {
  const { address, family } = await lookup(host).catch((error: unknown) => {
    throw noWay(host, error)
  })
  const socket = createSocket(family === 6 ? 'udp6' : 'udp4')
  try {
    return await new Promise<string>((resolve, reject) => {
      socket.once('error', (error) => reject(noWay(host, error)))
      socket.connect(port, address, () => {
        const local = socket.address().address
        if (local.startsWith('fe80:')) reject(noWay(host, new Error(`${local} is a link-local address`)))
        else resolve(local)
      })
    })
  } finally {
    socket.close()
  }
}

function noWay(host: string, cause: unknown): AcsError {
  return new AcsError('failed', 'EACSNOROUTE', `no address of this machine leads to ${host}: ${messageOf(cause)}`, {
    cause,
    hints: [`ip route get ${host}`],
  })
}

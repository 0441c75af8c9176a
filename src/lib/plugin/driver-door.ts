import type { Deadline } from '../base/deadline.js'
import { AcsError } from '../base/errors.js'
import type { VolumeDriver } from './driver.js'
import { within } from './within.js'

/** The driver, which comes after the socket: configuration and state take longer to read than dockerd likes to wait. */
export interface DriverDoor {
  /** The driver, if it is there already. */
  now(): VolumeDriver | undefined
  /** Waits for the driver. Throws what made it fail, or EACSINTERRUPTED once the plugin stops. */
  ready(deadline: Deadline): Promise<VolumeDriver>
  /** Sends those away who wait. */
  close(): void
}

export function createDriverDoor(coming: Promise<VolumeDriver>): DriverDoor {
  let driver: VolumeDriver | undefined
  let close: () => void = () => undefined
  const closed = new Promise<never>((_resolve, reject) => {
    close = () =>
      reject(
        new AcsError('interrupted', 'EACSINTERRUPTED', 'the volume plugin is stopping', {
          hints: ['Give the command again in a moment'],
        }),
      )
  })
  const opened = Promise.race([coming.then((here) => (driver = here)), closed])
  // Whoever waits is told; with nobody waiting it is the starter's business.
  opened.catch(() => undefined)
  return {
    now: () => driver,
    ready: async (deadline) => driver ?? (await within(deadline, 'waiting for the volume plugin to start', opened)),
    close,
  }
}

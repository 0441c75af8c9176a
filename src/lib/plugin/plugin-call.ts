import type { Call } from './driver.js'
import type { DriverDoor } from './driver-door.js'
import type { RequestBody } from './request-body.js'

/** One of the nine calls: reads its request, and is then ready to run. Throws AcsErrors of kind usage, or not-found. */
export type PluginCall = (body: RequestBody) => PreparedCall

export interface PreparedCall {
  /** For the log. */
  about?: Readonly<Record<string, string>>
  /** Asks the driver, and returns the answer: JSON in UTF-8. */
  run(door: DriverDoor, call: Call): Promise<string | Buffer>
  /** Goes on when the client hangs up: what it takes away is not wanted by anyone any more. */
  finishes?: true
  /** For a call whose result nobody may leave behind when the client is gone before it is told. */
  undo?: {
    /** Calls with the same one are about the same thing. */
    key: string
    run(door: DriverDoor, call: Call): Promise<void>
  }
}

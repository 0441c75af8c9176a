import type { Deadline } from '../base/deadline.js'
import type { Prism } from '../prism/prism.js'

/** What every service of this room works with; built once by the command. */
export interface VmContext {
  prism: Prism
  deadline: Deadline
}

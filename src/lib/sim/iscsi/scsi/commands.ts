import { parameters } from './command.js'
import type { CommandDefinition, ScsiCommand, ScsiReply } from './command.js'
import { inquiryCommands } from './inquiry-commands.js'
import { modeCommands } from './mode-commands.js'
import { primaryCommands } from './primary-commands.js'
import { provisioningCommands } from './provisioning-commands.js'
import { reservationCommands } from './reservation-commands.js'
import { CheckCondition, invalidCdb, sense } from './sense.js'
import { transferCommands } from './transfer-commands.js'

const reportSupported: CommandDefinition = {
  name: 'REPORT SUPPORTED OPERATION CODES',
  opcode: 0xa3,
  serviceAction: 0x0c,
  usage: 'a30c87ffffffffffffff0004',
  access: 'read',
  run: reportSupportedCodes,
}

/** Every command the target knows. */
export const commands: readonly CommandDefinition[] = [
  ...primaryCommands,
  ...inquiryCommands,
  ...transferCommands,
  ...provisioningCommands,
  ...modeCommands,
  ...reservationCommands,
  reportSupported,
]

const byOpcode: (CommandDefinition | Map<number, CommandDefinition> | undefined)[] = Array.from({ length: 256 })
for (const definition of commands) {
  if (definition.serviceAction === undefined) byOpcode[definition.opcode] = definition
  else {
    const known = byOpcode[definition.opcode]
    const actions = known instanceof Map ? known : new Map<number, CommandDefinition>()
    actions.set(definition.serviceAction, definition)
    byOpcode[definition.opcode] = actions
  }
}

/** The definition of a CDB. Throws CHECK CONDITION: invalid opcode, or an unknown service action. */
export function definitionOf(cdb: Buffer): CommandDefinition {
  const found = byOpcode[cdb.readUInt8(0)]
  if (found === undefined) throw new CheckCondition(sense.invalidOpcode)
  if (!(found instanceof Map)) return found
  const definition = found.get(cdb.readUInt8(1) & 0x1f)
  if (!definition) throw invalidCdb(1, 4)
  return definition
}

function reportSupportedCodes({ cdb }: ScsiCommand): ScsiReply {
  const options = cdb.readUInt8(2) & 0x07
  const withTimeouts = (cdb.readUInt8(2) & 0x80) !== 0
  const allocationLength = cdb.readUInt32BE(6)
  if (options === 0) return parameters(allCodes(withTimeouts), allocationLength)
  if (options > 2) throw invalidCdb(2, 2)
  return parameters(oneCode(cdb, options, withTimeouts), allocationLength)
}

const noTimeouts = Buffer.from([0x00, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])

function allCodes(withTimeouts: boolean): Buffer {
  const descriptors = commands.map(({ opcode, serviceAction, usage }) => {
    const descriptor = Buffer.alloc(8)
    descriptor[0] = opcode
    descriptor.writeUInt16BE(serviceAction ?? 0, 2)
    descriptor[5] = (serviceAction === undefined ? 0 : 0x01) | (withTimeouts ? 0x02 : 0)
    descriptor.writeUInt16BE(usage.length / 2, 6)
    return withTimeouts ? Buffer.concat([descriptor, noTimeouts]) : descriptor
  })
  const body = Buffer.concat(descriptors)
  const head = Buffer.alloc(4)
  head.writeUInt32BE(body.length, 0)
  return Buffer.concat([head, body])
}

function oneCode(cdb: Buffer, options: number, withTimeouts: boolean): Buffer {
  const known = byOpcode[cdb.readUInt8(3)]
  // Option 1 is for opcodes without service actions, option 2 for those with.
  if (known !== undefined && known instanceof Map !== (options === 2)) throw invalidCdb(2, 2)
  const definition = known instanceof Map ? known.get(cdb.readUInt16BE(4)) : known
  const head = Buffer.alloc(4)
  if (!definition) {
    head[1] = 0x01
    return head
  }
  const usage = Buffer.from(definition.usage, 'hex')
  head[1] = 0x03 | (withTimeouts ? 0x80 : 0)
  head.writeUInt16BE(usage.length, 2)
  return Buffer.concat(withTimeouts ? [head, usage, noTimeouts] : [head, usage])
}

import { byteAt, lunOf } from './pdu.js'
import type { LogicalUnits } from './logical-units.js'
import type { LogicalUnit } from './scsi/logical-unit.js'
import { attention } from './scsi/sense.js'
import type { OpenTarget } from './target-backend.js'
import type { TaskSet } from './task-set.js'
import type { Nexus } from './scsi/logical-unit.js'

const response = { complete: 0, noTask: 1, noUnit: 2, noReassign: 4, notSupported: 5 } as const

export interface ManagementSurroundings {
  session: Nexus & { tasks: TaskSet }
  target: OpenTarget
  units: LogicalUnits
}

/** Carries out a task management function (RFC 7143 11.5.1) and returns its response code. */
export async function manageTasks(header: Buffer, around: ManagementSurroundings): Promise<number> {
  const { session, target, units } = around
  const lun = lunOf(header)
  const disk = lun === undefined ? undefined : target.lun(lun)
  const unit = disk && units.of(disk)
  switch (byteAt(header, 1) & 0x7f) {
    case 1: {
      const tag = header.readUInt32BE(20)
      if (!session.tasks.has(tag)) return response.noTask
      await session.tasks.abort((task) => task.tag === tag)
      return response.complete
    }
    case 2:
      if (!unit) return response.noUnit
      await session.abortTasks(unit)
      return response.complete
    case 4:
      if (!unit) return response.noUnit
      await abortEverywhere(unit)
      unit.attend(attention.commandsCleared, session)
      return response.complete
    case 5:
      if (!unit) return response.noUnit
      await reset(unit)
      return response.complete
    case 6:
    case 7:
      for (const one of target.luns()) {
        const member = target.lun(one)
        if (member) await reset(units.of(member))
      }
      return response.complete
    case 8:
      return response.noReassign
    default:
      return response.notSupported
  }
}

async function reset(unit: LogicalUnit): Promise<void> {
  await abortEverywhere(unit)
  unit.reservedBy = undefined
  unit.attend(attention.targetReset)
}

async function abortEverywhere(unit: LogicalUnit): Promise<void> {
  await Promise.all([...unit.nexuses].map((nexus) => nexus.abortTasks(unit)))
}

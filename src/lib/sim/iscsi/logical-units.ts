import { LogicalUnit } from './scsi/logical-unit.js'
import type { Nexus } from './scsi/logical-unit.js'
import type { TargetDisk } from './target-backend.js'

/** The logical units of a target process, one a disk, shared by all targets that show the disk. */
export class LogicalUnits {
  private readonly byUuid = new Map<string, LogicalUnit>()

  of(disk: TargetDisk): LogicalUnit {
    let unit = this.byUuid.get(disk.uuid)
    if (!unit) {
      unit = new LogicalUnit(disk.uuid)
      this.byUuid.set(disk.uuid, unit)
    }
    return unit
  }

  find(uuid: string): LogicalUnit | undefined {
    return this.byUuid.get(uuid)
  }

  /** For a disk that is gone: a new one of the same UUID must not inherit its reservations. */
  forget(uuid: string): void {
    this.byUuid.delete(uuid)
  }

  /** A unit attention that concerns a nexus at all of its units. */
  attendNexus(nexus: Nexus, code: number): void {
    for (const unit of this.byUuid.values()) unit.attendOne(nexus, code)
  }

  leave(nexus: Nexus): void {
    for (const [uuid, unit] of this.byUuid) {
      unit.leave(nexus)
      if (unit.idle) this.byUuid.delete(uuid)
    }
  }
}

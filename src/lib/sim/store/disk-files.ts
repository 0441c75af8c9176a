import { existsSync } from 'node:fs'
import { open, readdir, rename, rm, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { ensureFolder, syncFolder } from '../../base/durable-file.js'
import type { FaultBoard } from '../faults.js'
import type { SimulatorLog } from '../simulator.js'
import { copyOverlay, flattenOverlay, growOverlay, makeOverlay, type OverlayFiles } from './overlays.js'
import type { DiskPlan, StoredDisk } from './records.js'
import { SimDisk, type SimDiskHost } from './sim-disk.js'
import { copySparse } from './sparse-copy.js'

export interface DiskFilesHost {
  readonly faults: FaultBoard
  /** Free bytes of a storage container. */
  room(containerUuid: string): number
  /** What faults may call a disk. */
  faultNames(diskUuid: string): string[]
}

/** A disk as QEMU opens it. */
export interface DiskImage {
  path: string
  format: 'raw' | 'qcow2'
}

/** How disks are to be made. */
export interface MakeOptions {
  /** Copies may be overlays: what they are for can read qcow2. Says which sources never change. */
  overlays?: { isFinal(sourceUuid: string): boolean }
}

/** The folder of disks: one sparse file each, named after the vDisk's UUID; of machines' disks some are overlays. */
export class DiskFiles {
  private readonly disks = new Map<string, SimDisk>()
  private sync: Promise<void> = Promise.resolve()
  private nextSync: Promise<void> | undefined

  private constructor(
    private readonly folder: string,
    private readonly log: SimulatorLog,
    private readonly host: DiskFilesHost,
  ) {}

  static async open(folder: string, log: SimulatorLog, host: DiskFilesHost): Promise<DiskFiles> {
    await ensureFolder(folder)
    return new DiskFiles(folder, log, host)
  }

  /** The disk behind a record; the same object for the same UUID. Cheap: nothing is opened yet. */
  disk(record: StoredDisk): SimDisk {
    let disk = this.disks.get(record.uuid)
    if (!disk) {
      const host: SimDiskHost = {
        faults: this.host.faults,
        faultNames: (uuid) => this.host.faultNames(uuid),
        roomFor: (asking) => this.host.room(asking.containerUuid),
      }
      const { path } = this.image(record.uuid)
      disk = new SimDisk(record.uuid, path, record.containerUuid, record.sizeBytes, host)
      this.disks.set(record.uuid, disk)
    }
    return disk
  }

  /**
   * Makes the files of disks: empty ones, and copies that show their sources at one common moment.
   * On failure none is left. `find` gives the record of a source.
   */
  async make(
    plans: readonly DiskPlan[],
    find: (uuid: string) => StoredDisk | undefined,
    options: MakeOptions = {},
  ): Promise<void> {
    try {
      for (const plan of plans.filter((candidate) => !candidate.sourceUuid)) {
        // A crash may have left the file of an earlier try.
        await rm(this.path(plan.uuid), { force: true })
        const file = await open(this.path(plan.uuid), 'wx', 0o600)
        try {
          await file.truncate(plan.sizeBytes)
        } finally {
          await file.close()
        }
      }
      const plain = await this.makeOverlays(plans, find, options)
      await this.copy(plain, find)
      await this.syncFolder()
    } catch (error) {
      await this.remove(plans.map((plan) => plan.uuid))
      throw error
    }
  }

  /**
   * Makes the file of a new disk from what `write` brings into one of its two paths, both free: into `disk`, or into
   * `download`, which `keepDownload` makes the disk. Returns its size, bytes, in whole blocks. On failure nothing is left.
   */
  async fill(
    uuid: string,
    write: (paths: { download: string; disk: string; keepDownload: () => Promise<void> }) => Promise<void>,
  ): Promise<number> {
    const disk = this.path(uuid)
    const download = join(this.folder, `${uuid}.download`)
    // A crash may have left the files of an earlier try.
    for (const path of [disk, download]) await rm(path, { force: true })
    try {
      await write({ download, disk, keepDownload: () => rename(download, disk) })
      const file = await open(disk, 'r+')
      try {
        const { size } = await file.stat()
        const whole = Math.ceil(size / 512) * 512
        await file.truncate(whole)
        await file.chmod(0o600)
        await file.sync()
        await rm(download, { force: true })
        await this.syncFolder()
        return whole
      } finally {
        await file.close()
      }
    } catch (error) {
      for (const path of [disk, download]) await rm(path, { force: true })
      throw error
    }
  }

  async remove(uuids: readonly string[]): Promise<void> {
    for (const uuid of uuids) {
      const disk = this.disks.get(uuid)
      this.disks.delete(uuid)
      await disk?.discard()
      const { overlay, base } = this.overlayFiles(uuid)
      const paths = [this.path(uuid), `${this.path(uuid)}.reservations`, overlay, base]
      for (const path of paths) await rm(path, { force: true })
    }
  }

  image(uuid: string): DiskImage {
    const { overlay } = this.overlayFiles(uuid)
    return existsSync(overlay) ? { path: overlay, format: 'qcow2' } : { path: this.path(uuid), format: 'raw' }
  }

  /** Grows a disk nobody has open, whatever its format. */
  async grow(record: StoredDisk, sizeBytes: number): Promise<void> {
    const { path, format } = this.image(record.uuid)
    if (format === 'qcow2') await growOverlay(path, sizeBytes)
    else await this.disk(record).grow(sizeBytes)
  }

  /** Removes files that no record names: left by a crash between making them and recording them. */
  async sweep(known: ReadonlySet<string>): Promise<void> {
    for (const name of await readdir(this.folder)) {
      const [uuid] = name.split('.')
      if (uuid !== undefined && !known.has(uuid)) {
        this.log.info({ file: name }, 'removing the file of a disk that was never finished')
        await rm(join(this.folder, name), { force: true })
      }
    }
  }

  async close(): Promise<void> {
    for (const disk of this.disks.values()) await disk.rest()
  }

  /** Returns the plans that are none; what is an overlay but may not become one is made here too. */
  private async makeOverlays(
    plans: readonly DiskPlan[],
    find: (uuid: string) => StoredDisk | undefined,
    { overlays }: MakeOptions,
  ): Promise<DiskPlan[]> {
    const plain: DiskPlan[] = []
    for (const plan of plans) {
      const source = plan.sourceUuid === undefined ? undefined : find(plan.sourceUuid)
      const image = source && this.image(source.uuid)
      const files = this.overlayFiles(plan.uuid)
      if (source && image?.format === 'qcow2') {
        if (overlays) await copyOverlay(this.overlayFiles(source.uuid), files, plan.sizeBytes)
        else {
          await flattenOverlay(this.overlayFiles(source.uuid), this.path(plan.uuid))
          await truncate(this.path(plan.uuid), plan.sizeBytes)
        }
      } else if (source && image && overlays?.isFinal(source.uuid)) await makeOverlay(image.path, files, plan.sizeBytes)
      else plain.push(plan)
    }
    return plain
  }

  private async copy(plans: readonly DiskPlan[], find: (uuid: string) => StoredDisk | undefined): Promise<void> {
    const pairs = plans.flatMap((plan) => {
      const source = plan.sourceUuid === undefined ? undefined : find(plan.sourceUuid)
      return source ? [{ plan, source: this.disk(source) }] : []
    })
    if (pairs.length === 0) return
    // Every source stands still before the first goes on: the copies belong together.
    const sources = [...new Set(pairs.map(({ source }) => source))]
    const gates = await Promise.all(sources.map(async (source) => ({ source, gate: await source.freeze() })))
    const frozen = new Map(gates.map(({ source, gate }) => [source, gate.open()]))
    try {
      for (const { plan, source } of pairs) {
        const target = this.path(plan.uuid)
        await rm(target, { force: true })
        const startedAt = performance.now()
        const method = await copySparse(source.path, target)
        const file = await open(target, 'r+')
        try {
          await frozen.get(source)?.restore(file)
          await file.chmod(0o600)
          await file.sync()
        } finally {
          await file.close()
        }
        if (plan.sizeBytes > source.sizeBytes) await truncate(target, plan.sizeBytes)
        const ms = Math.round(performance.now() - startedAt)
        this.log.info({ source: source.uuid, copy: plan.uuid, method, ms }, 'disk copied')
      }
    } finally {
      for (const [source, held] of frozen) source.release(held)
    }
  }

  /** One fsync of the folder serves all files made before it begins. */
  private syncFolder(): Promise<void> {
    this.nextSync ??= this.sync.then(() => {
      this.nextSync = undefined
      const done = syncFolder(this.folder)
      this.sync = done.catch(() => undefined)
      return done
    })
    return this.nextSync
  }

  private overlayFiles(uuid: string): OverlayFiles {
    return { overlay: join(this.folder, `${uuid}.qcow2`), base: join(this.folder, `${uuid}.base`) }
  }

  private path(uuid: string): string {
    return join(this.folder, `${uuid}.raw`)
  }
}

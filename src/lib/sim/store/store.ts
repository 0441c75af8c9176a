import { Journal } from './journal.js'
import { tableNames, type Change, type TableName, type Tables } from './records.js'

/**
 * The cluster's memory: maps for reading, one journal for keeping. `commit` changes the maps at once;
 * `durable` says when the disk has it too. The REST server waits for `durable` before every answer,
 * so nobody is told of a change, not even by a GET, that a crash could take back.
 */
export class Store {
  readonly clusters = new Map<string, Tables['clusters']>()
  readonly hosts = new Map<string, Tables['hosts']>()
  readonly containers = new Map<string, Tables['containers']>()
  readonly groups = new Map<string, Tables['groups']>()
  readonly clients = new Map<string, Tables['clients']>()
  readonly networks = new Map<string, Tables['networks']>()
  readonly images = new Map<string, Tables['images']>()
  readonly vms = new Map<string, Tables['vms']>()
  readonly vmSnapshots = new Map<string, Tables['vmSnapshots']>()
  readonly tasks = new Map<string, Tables['tasks']>()
  private journal: Journal | undefined

  /** @param onCut told of bytes at the end of the journal that were never acknowledged. */
  static async open(folder: string, onCut: (bytes: number) => void): Promise<Store> {
    const store = new Store()
    store.journal = await Journal.open(
      folder,
      {
        snapshot: (state) => store.apply(state),
        entry: (entry) => store.apply(entry),
        cut: onCut,
      },
      () => store.capture(),
    )
    return store
  }

  commit(change: Change): void {
    this.apply(change)
    this.journal?.append(change)
  }

  async durable(): Promise<void> {
    await this.journal?.durable()
  }

  async close(): Promise<void> {
    await this.journal?.close()
  }

  private capture(): Change {
    return { put: Object.fromEntries(tableNames.map((name) => [name, [...this[name].values()]])) }
  }

  private apply(entry: unknown): void {
    if (!isChange(entry)) throw new Error('an entry of the journal is not a change')
    for (const name of tableNames) {
      // Both sides are the same table; TypeScript cannot follow a union of maps.
      const table = this[name] as Map<string, Tables[TableName]>
      for (const record of entry.put?.[name] ?? []) table.set(record.uuid, record)
      for (const uuid of entry.remove?.[name] ?? []) table.delete(uuid)
    }
  }
}

/** The checksum vouches for the content; this guards against a journal of something else. */
function isChange(value: unknown): value is Change {
  if (typeof value !== 'object' || value === null) return false
  return ['put', 'remove'].every((part) => {
    const tables: unknown = part in value ? value[part as keyof typeof value] : undefined
    if (tables === undefined) return true
    return typeof tables === 'object' && tables !== null && Object.values(tables).every((rows) => Array.isArray(rows))
  })
}

import nock from 'nock'
import { afterEach, beforeEach } from 'vitest'
import { connectPrism, type ConnectOptions } from '../../../src/lib/prism/connect.js'
import type { PrismCallEvent } from '../../../src/lib/prism/http.js'
import type { Prism } from '../../../src/lib/prism/prism.js'

export const origin = 'https://prism.test:9440'
export const base = '/PrismGateway/services/rest/v2.0'
export const groupUuid = '0006411c-0286-bc71-9f02-191e334d457b'
export const clusterBody = { uuid: 'c1', name: 'lab', version: '6.10', num_nodes: 3 }

/** A client whose back-off is a few ms; what it logs is collected in `events`. */
export function client(options: Partial<ConnectOptions> = {}): { prism: Prism; events: PrismCallEvent[] } {
  const events: PrismCallEvent[] = []
  const prism = connectPrism({
    endpoint: 'prism.test',
    username: 'admin',
    password: () => Promise.resolve('s3cret!'),
    userAgent: 'acs-test',
    retryBaseMs: 1,
    log: (event) => events.push(event),
    ...options,
  })
  return { prism, events }
}

/** A group as an AOS 6.1 cluster was recorded to give it. */
export function groupBody(fields: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    uuid: groupUuid,
    name: 'web',
    description: 'for the web',
    logical_timestamp: 3,
    disk_list: [
      {
        index: 0,
        vmdisk_uuid: '3d760ff1-7bfe-437b-83c0-2801b9e894a6',
        container_uuid: 'c78fea63-deda-476d-a871-8ffd52cd0b1e',
        storage_container_uuid: 'c78fea63-deda-476d-a871-8ffd52cd0b1e',
        vmdisk_size_mb: 1024,
        vmdisk_size_bytes: 1024 ** 3,
      },
    ],
    iscsi_target: 'web-0006411c',
    attachment_list: [],
    usage_type: 'USER',
    is_shared: true,
    ...fields,
  }
}

export function taskBody(status: string, fields: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    uuid: 't1',
    operation_type: 'VolumeGroupCreate',
    progress_status: status,
    percentage_complete: status === 'Succeeded' ? 100 : 40,
    message: '',
    meta_response: { error_code: 0 },
    entity_list: [],
    create_time_usecs: 1_610_288_160_827_398,
    ...fields,
  }
}

/** No real network, and an expectation that was not met fails the test. */
export function useNock(): void {
  beforeEach(() => {
    nock.disableNetConnect()
  })
  afterEach(() => {
    const pending = nock.pendingMocks()
    nock.cleanAll()
    nock.enableNetConnect()
    if (pending.length > 0) throw new Error(`not called: ${pending.join(', ')}`)
  })
}

export function basic(password = 's3cret!'): string {
  return `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`
}

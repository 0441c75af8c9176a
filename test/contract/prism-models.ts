import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Exchange } from '../../src/lib/sim/simulator.js'
import { specsFolder } from '../specs.js'

/**
 * Prism's own specifications (swagger 1.2) and recorded answers, as a judge of what the simulator says:
 * every field known, of its type, present where recordings always have it, null only where Prism sends null.
 *
 * test/contract/run-contract.ts plugs it into every simulator that tests start.
 */
export interface Contract {
  onResponse(exchange: Exchange): void
  readonly problems: string[]
  /** Routes with at least one successful answer that was judged: `GET v2.0 /cluster`. */
  readonly judged: ReadonlySet<string>
}

interface Property {
  type?: string
  $ref?: string
  items?: Property
  enum?: string[]
}

interface Model {
  properties: Record<string, Property>
}

interface Specification {
  models: Map<string, Model>
  /** `GET /volume_groups/{}` to the type of its answer. */
  operations: Map<string, Property>
}

/** What recordings say about the objects of one model. */
interface Recorded {
  count: number
  seen: Map<string, number>
  nulls: Set<string>
}

const specifications = {
  'v2.0': [
    'volume_groups',
    'iscsi_clients',
    'tasks',
    'storage_containers',
    'cluster',
    'clusters',
    'hosts',
    'networks',
    'images',
    'vms',
    'snapshots',
  ].map((name) => `v2/${name}`),
  'v0.8': ['volume_groups', 'tasks', 'networks', 'images', 'vms'].map((name) => `v08/${name}`),
  v1: ['v1/containers', 'v1/vms'],
} as const

/** Recordings, and what they answer. */
const recordings = [
  { file: 'get_volumes_groups_v2.json', operation: 'GET /volume_groups' },
  { file: 'get_storage_containers_v2.json', operation: 'GET /storage_containers' },
  { file: 'get_cluster_v2.json', operation: 'GET /cluster' },
  { file: 'get_networks_v2.json', operation: 'GET /networks' },
  { file: 'get_vms_include_disk_v2.json', operation: 'GET /vms' },
]

/**
 * Not in any specification, but recorded outside the folder of recordings: the old plugin's proxy reads
 * `containerId` from v0.8; the error body; `entity_name: null` and no `timed_out` in tasks.
 */
const knownBesides: Readonly<Record<string, readonly string[]>> = {
  'v0.8 get.dto.acropolis.volumegroups.VolumeDiskConfigDTO': ['containerId', 'containerUuid'],
}

/** Operations that are in no specification but that real clusters have, and what they answer. */
const undocumented: Readonly<Record<string, Property>> = {
  // Seen in scripts and in Prism's own pages.
  'PUT v2.0 /vms/{}/disks/update': { type: 'update.dto.acropolis.ReturnValueDTO$TaskIdDTO' },
}

/** Models whose unset fields are sent as null (recorded for config resources and v1's machines), and single fields that are. */
const nullable = (model: string, field: string): boolean =>
  model.includes('.appliance.configuration.') ||
  model.endsWith('.stats.VMDTO') ||
  field === 'entity_name' ||
  field === 'entityName'

export function createContract(): Contract {
  const problems: string[] = []
  const judged = new Set<string>()
  const apis = new Map(Object.entries(specifications).map(([api, files]) => [api, readSpecification(files)]))
  const recorded = readRecordings(apis.get('v2.0')!)
  return {
    problems,
    judged,
    onResponse(exchange) {
      const report = (problem: string): void => {
        problems.push(`${exchange.method} ${exchange.path} (${exchange.status}): ${problem}`)
      }
      if (exchange.route === undefined || exchange.status >= 400) {
        judgeError(exchange, report)
        return
      }
      const [method = '', api = '', path = ''] = exchange.route.split(' ')
      const specification = apis.get(api)
      if (!specification) return
      const type =
        specification.operations.get(`${method} ${normal(path)}`) ?? undocumented[`${method} ${api} ${normal(path)}`]
      if (!type) {
        report('is in no specification')
        return
      }
      new Judge(api, specification.models, recorded, report).value(exchange.body, type, 'body')
      judged.add(exchange.route)
    },
  }
}

class Judge {
  constructor(
    private readonly api: string,
    private readonly models: ReadonlyMap<string, Model>,
    private readonly recorded: ReadonlyMap<string, Recorded>,
    private readonly report: (problem: string) => void,
  ) {}

  value(value: unknown, type: Property, at: string): void {
    if (type.type === 'array') {
      if (Array.isArray(value))
        for (const [index, item] of value.entries()) this.value(item, type.items ?? {}, `${at}[${index}]`)
      else this.report(`${at} is not a list`)
      return
    }
    const name = type.$ref ?? type.type ?? ''
    const model = this.models.get(name)
    if (name.startsWith('java.util.Map<')) this.map(value, name, at)
    else if (model) this.object(value, name, model, at)
    else this.primitive(value, name, type.enum, at)
  }

  private primitive(value: unknown, name: string, choices: string[] | undefined, at: string): void {
    if (name === 'integer' ? !Number.isSafeInteger(value) : typeof value !== name)
      this.report(`${at} should be ${name}, is ${JSON.stringify(value)}`)
    // Specifications have enums in upper case; the wire has each in a case of its own (recorded).
    else if (choices && !choices.some((choice) => choice.toUpperCase() === String(value).toUpperCase()))
      this.report(`${at} is none of ${choices.slice(0, 6).join(', ')}: ${String(value)}`)
  }

  private map(value: unknown, name: string, at: string): void {
    if (!isObject(value)) {
      this.report(`${at} is not a map`)
      return
    }
    const type = /, (.*)>$/.exec(name)?.[1] ?? ''
    const simple = { 'java.lang.String': 'string', 'java.lang.Integer': 'integer', 'java.lang.Boolean': 'boolean' }
    for (const [key, item] of Object.entries(value))
      this.value(item, { $ref: new Map(Object.entries(simple)).get(type) ?? type }, `${at}["${key}"]`)
  }

  private object(value: unknown, name: string, model: Model, at: string): void {
    if (!isObject(value)) {
      this.report(`${at} should be ${name}, is ${JSON.stringify(value)}`)
      return
    }
    const recorded = this.api === 'v2.0' ? this.recorded.get(recordedName(name, value)) : undefined
    for (const [field, item] of Object.entries(value)) {
      const property = model.properties[field]
      if (!property && !recorded?.seen.has(field) && !knownBesides[`${this.api} ${name}`]?.includes(field))
        this.report(`${at}.${field} is unknown to ${name}`)
      if (item === null && !recorded?.nulls.has(field) && !nullable(name, field)) this.report(`${at}.${field} is null`)
      if (property && item !== null && item !== undefined) this.value(item, property, `${at}.${field}`)
    }
    for (const [field, count] of recorded?.seen ?? [])
      if (count === recorded?.count && !(field in value))
        this.report(`${at}.${field} is missing; recordings always have it`)
  }
}

function judgeError(exchange: Exchange, report: (problem: string) => void): void {
  const { status, body } = exchange
  if (status === 401) {
    if (body !== undefined) report('a 401 has no body')
    return
  }
  const error: unknown = isObject(body) ? body.error_code : undefined
  if (!isObject(body) || typeof body.message !== 'string' || typeof body.detailed_message !== 'string')
    report(`is no error of Prism's shape: ${JSON.stringify(body)}`)
  else if (!isObject(error) || typeof error.code !== 'number' || typeof error.help_url !== 'string')
    report(`has no error_code of Prism's shape: ${JSON.stringify(body)}`)
}

function readRecordings(specification: Specification): Map<string, Recorded> {
  const recorded = new Map<string, Recorded>()
  for (const { file, operation } of recordings) {
    const type = specification.operations.get(operation)
    if (!type) throw new Error(`no specification of ${operation}`)
    learn(recorded, specification.models, readJson(join('recorded-v2', file)), type)
  }
  return recorded
}

function learn(
  recorded: Map<string, Recorded>,
  models: ReadonlyMap<string, Model>,
  value: unknown,
  type: Property,
): void {
  if (Array.isArray(value)) {
    for (const item of value) learn(recorded, models, item, type.items ?? {})
    return
  }
  const name = type.$ref ?? type.type ?? ''
  const model = models.get(name)
  if (!model || !isObject(value) || name.startsWith('java.util.Map<')) return
  const key = recordedName(name, value)
  const about = recorded.get(key) ?? { count: 0, seen: new Map<string, number>(), nulls: new Set<string>() }
  recorded.set(key, about)
  about.count += 1
  for (const [field, item] of Object.entries(value)) {
    about.seen.set(field, (about.seen.get(field) ?? 0) + 1)
    if (item === null) about.nulls.add(field)
    else learn(recorded, models, item, model.properties[field] ?? {})
  }
}

/** Objects of one model that Prism fills in different ways are different things: metadata, attachments, addresses. */
function recordedName(name: string, value: Record<string, unknown>): string {
  if (name.endsWith('Metadata')) return `${name} ${'page' in value ? 'paged' : 'plain'}`
  if (name.endsWith('VolumeAttachmentDTO'))
    return `${name} ${'iscsi_initiator_name' in value ? 'by name' : 'otherwise'}`
  if (name.endsWith('uhura.VmConfigDTO'))
    return `${name} ${value.power_state === 'on' ? 'on' : 'not on'} ${'vm_disk_info' in value ? 'with disks' : 'bare'}`
  if (name.endsWith('VmDiskInfoDTO')) return `${name} ${'size' in value ? 'with content' : 'of another kind'}`
  if (name.endsWith('VMDiskAddressDTO'))
    return `${name} ${'disk_label' in value && 'vmdisk_uuid' in value ? 'of a disk' : 'otherwise'}`
  if (name.endsWith('acropolis.IpConfigDTO')) return `${name} ${value.ipam_enabled === true ? 'managed' : 'unmanaged'}`
  if (name.endsWith('common.Address')) return `${name} ${Object.keys(value).join()}`
  return name
}

function readSpecification(files: readonly string[]): Specification {
  const models = new Map<string, Model>()
  const operations = new Map<string, Property>()
  for (const file of files) {
    const parsed = readJson(`${file}.json`) as {
      apis: { path: string; operations: (Property & { method: string })[] }[]
      models: Record<string, Model>
    }
    for (const [name, model] of Object.entries(parsed.models)) models.set(plain(name), plainModel(model))
    for (const { path, operations: list } of parsed.apis)
      for (const operation of list) operations.set(`${operation.method} ${normal(path)}`, plainProperty(operation))
  }
  return { models, operations }
}

function plainModel(model: Model): Model {
  return {
    properties: Object.fromEntries(
      Object.entries(model.properties).map(([name, property]) => [name, plainProperty(property)]),
    ),
  }
}

function plainProperty({ type, $ref, items, enum: choices }: Property): Property {
  return {
    ...(type !== undefined && { type: plain(type) }),
    ...($ref !== undefined && { $ref: plain($ref) }),
    ...(items && { items: plainProperty(items) }),
    ...(choices && { enum: choices }),
  }
}

/** Names of generic types are HTML-escaped in the specifications. */
function plain(name: string): string {
  return name.replaceAll('&lt;', '<').replaceAll('&gt;', '>')
}

/** Parameters have other names here and there, trailing slashes too. */
function normal(path: string): string {
  return path.replace(/\{[^}]*\}/g, '{}').replace(/\/$/, '')
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(join(specsFolder, path), 'utf8'))
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

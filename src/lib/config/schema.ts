import * as v from 'valibot'

/** Where a context's password is kept. The file itself holds no secret. */
const credentialSchema = v.variant('source', [
  v.strictObject({ source: v.literal('keyring') }),
  v.strictObject({ source: v.literal('file'), path: v.pipe(v.string(), v.nonEmpty()) }),
  v.strictObject({ source: v.literal('command'), command: v.pipe(v.string(), v.nonEmpty()) }),
])
export type CredentialSource = v.InferOutput<typeof credentialSchema>

const text = v.optional(v.pipe(v.string(), v.nonEmpty()))

/** What is known of one cluster. In a context `endpoint` is required; /etc/acs/config.yaml may hold any part. */
export const clusterFieldsSchema = v.strictObject({
  endpoint: text,
  username: text,
  caFile: text,
  fingerprint: text,
  credential: v.optional(credentialSchema),
  /** Host, or host:port, of the iSCSI data services portal where Prism's own answer does not serve. */
  dataServices: text,
  /** Default storage container of new volumes. */
  storageContainer: text,
})
export type ClusterFields = v.InferOutput<typeof clusterFieldsSchema>

export const contextSchema = v.strictObject({
  ...clusterFieldsSchema.entries,
  endpoint: v.pipe(v.string(), v.nonEmpty()),
})
export type Context = v.InferOutput<typeof contextSchema>

export const configSchema = v.strictObject({
  current: v.optional(v.nullable(v.string())),
  contexts: v.optional(v.nullable(v.record(v.string(), contextSchema))),
})

/** `config.yaml` of a user. */
export interface Config {
  current?: string
  contexts: Readonly<Record<string, Context>>
}

import * as v from 'valibot'

/** `20G`, `30s` and the like are read by whoever uses them; here they are text. */
const text = v.pipe(v.string(), v.nonEmpty())
const options = v.record(text, v.union([v.string(), v.number(), v.boolean()]))

/** A limit on what this host, or all hosts together in one storage container, may have. */
const quotaSchema = v.strictObject({ volumes: v.optional(v.number()), size: v.optional(text) })

/** `/etc/acs/plugin.yaml`. Everything has a default; an empty file is a good one. */
export const pluginConfigSchema = v.strictObject({
  /** Where volumes are mounted; default /mnt/acs. */
  mountFolder: v.optional(text),
  /** How long a volume stays attached after its last container; default 20s. */
  linger: v.optional(text),
  takeOver: v.optional(
    v.strictObject({
      /** What to do about a holder that does not answer: default `take-over` after `delay` (30s). */
      policy: v.optional(v.picklist(['refuse', 'take-over', 'wait'])),
      delay: v.optional(text),
    }),
  ),
  /** Where other hosts' plugins ask for a volume; default 0.0.0.0:7440, advertised by this host's address. */
  peer: v.optional(v.strictObject({ listen: v.optional(text), advertise: v.optional(text) })),
  /** Which groups `docker volume ls` shows; default `ours`. */
  show: v.optional(v.picklist(['ours', 'all'])),
  /** Options of new volumes, where `-o` says nothing; under a profile's. */
  defaults: v.optional(options),
  /** Options that win over `-o`, or refuse another value. */
  enforce: v.optional(options),
  profiles: v.optional(v.record(text, v.strictObject({ defaults: v.optional(options), enforce: v.optional(options) }))),
  quota: v.optional(
    v.strictObject({ host: v.optional(quotaSchema), containers: v.optional(v.record(text, quotaSchema)) }),
  ),
  /** How long a removed volume stays in the trash; default 7d. */
  trash: v.optional(v.strictObject({ keep: v.optional(text) })),
  /** `unix:/path` or `127.0.0.1:PORT` for Prometheus; default none. */
  metrics: v.optional(text),
  /** Docker's API, asked for the names of containers; default /var/run/docker.sock. */
  docker: v.optional(text),
  log: v.optional(v.picklist(['debug', 'info', 'warn', 'error'])),
})

export type PluginConfig = v.InferOutput<typeof pluginConfigSchema>

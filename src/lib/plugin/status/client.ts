import * as v from 'valibot'
import type { Deadline } from '../../base/deadline.js'
import { AcsError, errorCode, messageOf } from '../../base/errors.js'
import { askLocal } from '../../base/local-http.js'
import { pluginStatusSchema, type PluginStatus } from './schema.js'

/** The plugin answers from memory; one that takes this long is stuck. */
const answerMs = 3_000

/**
 * What the plugin behind a status socket says of itself; undefined when there is none, or nobody behind it any more.
 * Throws EACSNOTROOT (precondition), EACSTIMEOUT when it does not answer, EACSPLUGINSTATUS for an answer that is no status.
 */
export async function readStatus(path: string, deadline: Deadline): Promise<PluginStatus | undefined> {
  deadline.check('asking the volume plugin')
  const limit = deadline.atMost(answerMs)
  let answer: { status: number; text: string }
  try {
    answer = await askLocal(path, { path: '/status' }, limit)
  } catch (error) {
    const code = errorCode(error)
    if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ENOTDIR') return undefined
    if (code === 'EACCES' || code === 'EPERM') throw notRoot(path)
    deadline.check('waiting for the volume plugin')
    const why = limit.signal.aborted ? `no answer within ${answerMs / 1000} s` : messageOf(error)
    throw new AcsError('timeout', 'EACSTIMEOUT', `the volume plugin does not say how it is (${path}): ${why}`, {
      cause: error,
      hints: ['Look into its log: journalctl -u acs-plugin -n 50', 'Restart it: systemctl restart acs-plugin'],
      details: { path },
    })
  }
  const status = v.safeParse(v.pipe(v.string(), v.parseJson(), pluginStatusSchema), answer.text)
  if (answer.status === 200 && status.success) return status.output
  throw new AcsError(
    'failed',
    'EACSPLUGINSTATUS',
    `what answers on ${path} is no volume plugin of this version of acs`,
    {
      hints: ['Restart the plugin, so that it and this acs are of one version: systemctl restart acs-plugin'],
      details: { path, status: answer.status },
    },
  )
}

export function notRoot(path: string): AcsError {
  return new AcsError('precondition', 'EACSNOTROOT', `only root may ask the volume plugin (${path})`, {
    hints: ['Run it with sudo'],
  })
}

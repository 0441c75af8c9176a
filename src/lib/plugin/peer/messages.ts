import * as v from 'valibot'
import type { ReleaseAnswer } from '../../volume/take-over-policy.js'

/** `POST /v1/release` between plugins: JSON over HTTP/1.1 over TLS 1.3, both sides with a certificate. */
export const releasePath = '/v1/release'

/** Bytes; both are some hundred in fact. */
export const maxQuestionBytes = 4_096
export const maxAnswerBytes = 64 * 1024

const uuid = v.pipe(v.string(), v.regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i))

// The UUID becomes part of a path at Prism: nothing but a UUID will do.
const questionSchema = v.object({ volume: uuid, name: v.pipe(v.string(), v.maxLength(255)) })

export type Question = v.InferOutput<typeof questionSchema>

const words = v.pipe(v.string(), v.maxLength(1_000))

// Keys that a later version adds are left alone.
const answerSchema = v.variant('state', [
  v.object({ state: v.literal('released') }),
  v.object({ state: v.literal('not-held') }),
  v.object({ state: v.literal('in-use'), by: v.pipe(v.array(words), v.maxLength(1_000)), text: words }),
  v.object({ state: v.literal('busy'), retryAfterMs: v.pipe(v.number(), v.finite()) }),
])

const failureSchema = v.object({ error: words })

export function parseQuestion(text: string): Question | undefined {
  return parsed(questionSchema, text)
}

export function parseAnswer(text: string): ReleaseAnswer | undefined {
  return parsed(answerSchema, text)
}

/** The reason in an answer of status 500, which only a client that may ask gets. */
export function parseFailure(text: string): string | undefined {
  return parsed(failureSchema, text)?.error
}

/** An answer as JSON within the limits: a long list of containers is cut. */
export function formatAnswer(answer: ReleaseAnswer): string {
  if (answer.state !== 'in-use') return JSON.stringify(answer)
  return JSON.stringify({
    ...answer,
    by: answer.by.slice(0, 50).map((container) => container.slice(0, 200)),
    text: answer.text.slice(0, 1_000),
  })
}

function parsed<T>(schema: v.GenericSchema<unknown, T>, text: string): T | undefined {
  const result = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), text)
  return result.success ? result.output : undefined
}

import { describe, expect, it } from 'vitest'
import { formatAnswer, parseAnswer, parseQuestion } from '../../../../src/lib/plugin/peer/messages.js'
import type { ReleaseAnswer } from '../../../../src/lib/volume/take-over-policy.js'

const volume = 'aaaaaaaa-0000-4000-8000-00000000000F'

describe('a question', () => {
  it('names a volume by UUID', () => {
    expect(parseQuestion(JSON.stringify({ volume, name: 'db', later: 1 }))).toEqual({ volume, name: 'db' })
  })

  it.each([
    '',
    'x',
    'null',
    '[]',
    '{}',
    '"db"',
    JSON.stringify({ volume: '../../tasks', name: 'db' }),
    JSON.stringify({ volume: `${volume}/close`, name: 'db' }),
    JSON.stringify({ volume: `${volume}\n`, name: 'db' }),
    JSON.stringify({ volume: [volume], name: 'db' }),
    JSON.stringify({ volume }),
    JSON.stringify({ volume, name: 'x'.repeat(256) }),
  ])('is nothing else: %s', (text) => {
    expect(parseQuestion(text)).toBeUndefined()
  })
})

describe('an answer', () => {
  it.each<ReleaseAnswer>([
    { state: 'released' },
    { state: 'not-held' },
    { state: 'busy', retryAfterMs: 500 },
    { state: 'in-use', by: ['container web (3f2a)'], text: 'in use by container web on host a' },
  ])('comes across: $state', (answer) => {
    expect(parseAnswer(formatAnswer(answer))).toEqual(answer)
  })

  it('is cut to what is read', () => {
    const by = Array.from({ length: 2_000 }, () => 'container '.repeat(300))
    const answer = parseAnswer(formatAnswer({ state: 'in-use', by, text: 'y'.repeat(5_000) }))
    expect(answer).toMatchObject({ state: 'in-use', text: 'y'.repeat(1_000) })
  })

  it.each(['', 'null', '{}', '{"state":"yes"}', '{"state":"busy"}', '{"state":"in-use","by":"web","text":"x"}'])(
    'is nothing else: %s',
    (text) => expect(parseAnswer(text)).toBeUndefined(),
  )
})

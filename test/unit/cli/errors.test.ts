import { describe, expect, test, vi } from 'vitest'
import { AcsError } from '../../../src/lib/base/errors.js'
import { hideSecret } from '../../../src/lib/base/redact.js'
import { failureDocument, failureOf, failureText, stackText } from '../../../src/lib/cli/errors.js'
import { Interruption } from '../../../src/lib/cli/interrupt.js'

describe('failureOf', () => {
  test('a domain error keeps what it says', () => {
    const error = new AcsError('conflict', 'EACSHELD', 'held by node2', {
      hints: ['acs volume explain web'],
      details: { holder: 'node2' },
    })
    expect(failureOf(error)).toEqual({
      code: 'EACSHELD',
      message: 'held by node2',
      hints: ['acs volume explain web'],
      details: { holder: 'node2' },
      exitCode: 5,
    })
  })

  test('a secret that someone quotes is in no part of it', () => {
    hideSecret('Quoted"4711')
    const error = new AcsError('failed', 'EACSPRISM', 'Prism says: Quoted"4711', {
      hints: ['see Quoted"4711'],
      details: { answer: 'Quoted"4711', secret: 'a volume of this name' },
      cause: new Error('Quoted"4711'),
    })
    const failure = failureOf(error)
    for (const text of [JSON.stringify(failureDocument(failure, [])), failureText(failure), stackText(error)]) {
      expect(text).not.toContain('4711')
      expect(text).toContain('***')
    }
    expect(failureDocument(failure, []).error.details).toEqual({ answer: '***', secret: 'a volume of this name' })
  })

  test('SIGTERM and Ctrl-C have their own codes', () => {
    const by = (signalName: NodeJS.Signals) =>
      new AcsError('interrupted', 'EACSINTERRUPTED', 'interrupted', { cause: new Interruption(signalName) })
    expect(failureOf(by('SIGINT')).exitCode).toBe(130)
    expect(failureOf(by('SIGTERM')).exitCode).toBe(143)
  })

  test('anything else is our bug, without the fields it carries', () => {
    const error = Object.assign(new TypeError('x is not a function'), { config: { password: 'hunter2' } })
    const failure = failureOf(error)
    expect(failure).toMatchObject({
      code: 'EACSBUG',
      exitCode: 10,
      message: 'TypeError: x is not a function; this is a bug in acs',
    })
    expect(JSON.stringify(failureDocument(failure, []))).not.toContain('hunter2')
    expect(failureOf('a string').exitCode).toBe(10)
    expect(failureOf(undefined).exitCode).toBe(10)
  })
})

test('details that JSON cannot say become text', () => {
  const details: Record<string, unknown> = { big: 10n, at: new Date(0), why: new Error('no'), nothing: undefined }
  details.self = details
  const document = failureDocument(failureOf(new AcsError('failed', 'EACSX', 'x', { details })), ['careful'])
  expect(document).toMatchObject({
    error: { details: { big: '10', at: '1970-01-01T00:00:00.000Z', why: 'no' } },
    warnings: ['careful'],
  })
})

test('in words: the error, then what to try', () => {
  vi.stubEnv('NO_COLOR', '1')
  const error = new AcsError('not-found', 'EACSNOTFOUND', 'no volume "web"', { hints: ['acs volume list'] })
  expect(failureText(failureOf(error))).toBe('Error (EACSNOTFOUND): no volume "web"\nTry:\n  acs volume list\n')
  vi.unstubAllEnvs()
})

test('the stack names every cause', () => {
  const error = new AcsError('failed', 'EACSX', 'outer', { cause: new Error('inner') })
  expect(stackText(error)).toMatch(/outer[\s\S]*caused by Error: inner/)
})

test('a defect is reported to people, not to an address that nobody owns', () => {
  const { hints } = failureOf(new TypeError('x'))
  expect(hints.join('\n')).toContain('acs --version')
  expect(hints.join('\n')).not.toMatch(/https?:|@/)
})

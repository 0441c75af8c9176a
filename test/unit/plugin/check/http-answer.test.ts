import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { NotHttp, readAnswer } from '../../../../src/lib/plugin/check/http-answer.js'

const read = (text: string, ended = false) => readAnswer(Buffer.from(text, 'latin1'), ended)
const body = (text: string, ended = false) => read(text, ended)?.answer.body.toString()

describe('an answer', () => {
  test('of a told length', () => {
    const text = 'HTTP/1.1 200 OK\r\nContent-Type: a\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1'
    expect(read(text)).toEqual({
      answer: {
        status: 200,
        headers: { 'content-type': 'a', 'content-length': '3' },
        body: Buffer.from('abc'),
        keepsAlive: true,
      },
      length: text.length - 'HTTP/1.1'.length,
    })
  })

  test('in chunks, with extensions and trailers', () => {
    const text =
      'HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nLater: yes\r\n\r\n'
    expect(body(text)).toBe('abc0123456789')
    expect(read(text)?.length).toBe(text.length)
  })

  test('that goes on until the end', () => {
    const text = 'HTTP/1.1 200 OK\r\n\r\n{"Err":'
    expect(read(text)).toBeUndefined()
    expect(read(text, true)?.answer).toMatchObject({ keepsAlive: false, body: Buffer.from('{"Err":') })
  })

  test('without a body', () => {
    expect(read('HTTP/1.1 204 No Content\r\n\r\n')?.answer).toMatchObject({ status: 204, keepsAlive: true })
  })

  test('after an interim one', () => {
    const text = 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx'
    expect(read(text)).toMatchObject({ answer: { status: 200 }, length: text.length })
  })

  test.each([
    ['HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n', false],
    ['HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n', false],
    ['HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n', true],
    ['HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', true],
  ])('%j keeps the connection: %s', (text, keepsAlive) => {
    expect(read(text)?.answer.keepsAlive).toBe(keepsAlive)
  })

  test.each([
    'SSH-2.0-OpenSSH_9.2',
    '{"Err":""}',
    'HTTP/2 200 OK\r\n\r\n',
    'HTTP/1.1 OK\r\n\r\n',
    'HTTP/1.1 200 OK\r\nno header\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n',
  ])('%j is none', (text) => {
    expect(() => read(text)).toThrow(NotHttp)
  })

  test('is the same however it is cut into pieces', () => {
    const whole = Buffer.from('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n')
    for (let length = 0; length < whole.length; length += 1)
      expect(readAnswer(whole.subarray(0, length), false)).toBeUndefined()
    expect(readAnswer(whole, false)?.answer.body.toString()).toBe('{}')
  })

  test('of any bytes is read, waited for or refused, and nothing else', () => {
    const piece = fc.constantFrom(
      'HTTP/1.1 200 OK\r\n',
      '\r\n',
      'Content-Length: 5\r\n',
      'Transfer-Encoding: chunked\r\n',
      'abc',
      '0\r\n\r\n',
      ':',
    )
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string({ unit: 'binary' }))), fc.boolean(), (pieces, ended) => {
        try {
          const bytes = Buffer.from(pieces.join(''), 'latin1')
          expect(readAnswer(bytes, ended)?.length ?? 0).toBeLessThanOrEqual(bytes.length)
        } catch (error) {
          expect(error).toBeInstanceOf(NotHttp)
        }
      }),
      { numRuns: 2_000 },
    )
  })
})

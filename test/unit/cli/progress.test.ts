import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createProgress } from '../../../src/lib/cli/progress.js'

class Screen {
  text = ''
  constructor(readonly isTTY: boolean) {}
  write(text: string): boolean {
    this.text += text
    return true
  }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] })
  vi.stubEnv('TERM', 'xterm')
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllEnvs()
})

test('elsewhere than on a terminal: plain lines, details only every five seconds', () => {
  const stream = new Screen(false)
  const progress = createProgress({ silent: false, stream })
  progress.start('Waiting for task VolumeGroupCreate')
  progress.update('1 %')
  vi.advanceTimersByTime(5001)
  progress.update('42 %')
  progress.update('43 %')
  progress.done('created')
  expect(stream.text).toBe(
    'Waiting for task VolumeGroupCreate...\nWaiting for task VolumeGroupCreate: 42 %\nWaiting for task VolumeGroupCreate: created\n',
  )
})

test('on a terminal: a spinner in one line, which ends as a line', () => {
  const stream = new Screen(true)
  const progress = createProgress({ silent: false, stream })
  progress.start('Waiting')
  vi.advanceTimersByTime(200)
  progress.update('42 %')
  const running = stream.text
  expect(running).not.toContain('\n')
  expect(running).toContain('42 %')
  progress.fail('held by node2')
  expect(stream.text.slice(running.length)).toContain('Waiting: held by node2\n')
  const ended = stream.text
  vi.advanceTimersByTime(1000)
  expect(stream.text).toBe(ended)
})

test('TERM=dumb gets lines, and silent gets nothing', () => {
  vi.stubEnv('TERM', 'dumb')
  const dumb = new Screen(true)
  createProgress({ silent: false, stream: dumb }).start('Waiting')
  expect(dumb.text).toBe('Waiting...\n')
  const silent = new Screen(true)
  createProgress({ silent: true, stream: silent }).start('Waiting')
  expect(silent.text).toBe('')
})

test('done and fail without a start write nothing', () => {
  const stream = new Screen(false)
  const progress = createProgress({ silent: false, stream })
  progress.update('1 %')
  progress.done()
  progress.fail()
  expect(stream.text).toBe('')
})

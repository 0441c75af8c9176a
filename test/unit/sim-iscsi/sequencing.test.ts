import { describe, expect, it } from 'vitest'
import { CommandSequence, commandWindow } from '../../../src/lib/sim/iscsi/sequencing.js'

describe('command numbering', () => {
  it('hands out commands in order, whatever order they come in', () => {
    const sequence = new CommandSequence<string>(0xffff_ffff)
    expect(sequence.place(1, 'third')).toBe('later')
    expect(sequence.place(0, 'second')).toBe('later')
    expect(sequence.next()).toBeUndefined()
    expect(sequence.place(0xffff_ffff, 'first')).toBe('now')
    expect([sequence.next(), sequence.next(), sequence.next()]).toEqual(['second', 'third', undefined])
    expect(sequence.expected).toBe(2)
  })

  it('ignores what lies outside the window or comes twice', () => {
    const sequence = new CommandSequence<string>(10)
    expect(sequence.place(9, 'old')).toBe('never')
    expect(sequence.place(10 + commandWindow, 'too far')).toBe('never')
    expect(sequence.place(10 + commandWindow - 1, 'last')).toBe('later')
    expect(sequence.place(10 + commandWindow - 1, 'again')).toBe('never')
  })

  it('closes the window while commands are open and never takes a promise back', () => {
    const sequence = new CommandSequence<string>(1)
    expect(sequence.limit(0)).toBe(commandWindow)
    sequence.place(1, 'a')
    expect(sequence.limit(1)).toBe(commandWindow)
    expect(sequence.limit(0)).toBe(commandWindow + 1)
    expect(sequence.limit(100)).toBe(commandWindow + 1)
  })
})

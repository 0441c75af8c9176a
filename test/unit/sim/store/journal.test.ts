import { appendFile, mkdtemp, readdir, rm, truncate, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Journal } from '../../../../src/lib/sim/store/journal.js'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acs-sim-journal-'))
})

afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

interface Opened {
  journal: Journal
  entries: unknown[]
  cut: number
}

async function openJournal(): Promise<Opened> {
  const entries: unknown[] = []
  let cut = 0
  const journal = await Journal.open(
    folder,
    {
      snapshot: (state) => entries.push(...(state as unknown[])),
      entry: (entry) => entries.push(entry),
      cut: (bytes) => (cut = bytes),
    },
    () => entries,
  )
  return { journal, entries, cut }
}

function add({ journal, entries }: Opened, entry: unknown): void {
  entries.push(entry)
  journal.append(entry)
}

describe('the journal', () => {
  it('gives back what was made durable, in order', async () => {
    const first = await openJournal()
    for (let at = 0; at < 100; at += 1) add(first, { at })
    await first.journal.durable()
    await first.journal.close()
    const second = await openJournal()
    expect(second.entries).toEqual(Array.from({ length: 100 }, (_, at) => ({ at })))
    await second.journal.close()
  })

  it('survives a cut at any byte of its end, with a prefix of the entries', async () => {
    const first = await openJournal()
    for (let at = 0; at < 20; at += 1) add(first, { at, text: 'ä'.repeat(at) })
    await first.journal.close()
    const path = join(folder, 'journal-0.log')
    const { size } = await stat(path)
    let shortest = size
    const lengths = fc.sample(fc.integer({ min: 0, max: size }), 25).sort((a, b) => b - a)
    for (const length of lengths) {
      shortest = Math.min(shortest, length)
      await truncate(path, shortest)
      const opened = await openJournal()
      expect(opened.entries).toEqual(
        Array.from({ length: opened.entries.length }, (_, at) => ({ at, text: 'ä'.repeat(at) })),
      )
      shortest -= opened.cut
      await opened.journal.close()
    }
  })

  it('cuts a tail that fails its checksum, and goes on behind it', async () => {
    const first = await openJournal()
    add(first, 'good')
    await first.journal.close()
    await appendFile(join(folder, 'journal-0.log'), '00000000 "forged"\nhalf a li')
    const second = await openJournal()
    expect(second).toMatchObject({ entries: ['good'], cut: 27 })
    add(second, 'next')
    await second.journal.close()
    const third = await openJournal()
    expect(third.entries).toEqual(['good', 'next'])
    await third.journal.close()
  })

  it('starts a new generation when it has grown, and drops the old one', async () => {
    const first = await openJournal()
    const text = 'x'.repeat(100_000)
    for (let at = 0; at < 60; at += 1) {
      add(first, { at, text })
      if (at % 5 === 0) await first.journal.durable()
    }
    await first.journal.close()
    const names = await readdir(folder)
    expect(names.sort()).toEqual([expect.stringMatching(/^journal-[1-9]\d*\.log$/), 'snapshot.json'])
    const second = await openJournal()
    expect(second.entries).toHaveLength(60)
    await second.journal.close()
  })
})

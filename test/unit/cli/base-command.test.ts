import { Flags } from '@oclif/core'
import type { Config } from '@oclif/core'
import { captureOutput } from '@oclif/test'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { AcsError } from '../../../src/lib/base/errors.js'
import { AcsCommand, toldFailure } from '../../../src/lib/cli/base-command.js'
import {
  destructiveFlags,
  listFlags,
  mutationFlags,
  nameArg,
  timeoutFlag,
  volumeSizeFlag,
} from '../../../src/lib/cli/flags.js'
import type { Columns, JsonRecord } from '../../../src/lib/cli/output/columns.js'
import { projectConfig } from './project.js'

const config = await projectConfig()

interface Fruit {
  name: string
  grams: number
}
const fruits: Fruit[] = [
  { name: 'pear', grams: 180 },
  { name: 'apple', grams: 150 },
  { name: 'fig', grams: 50 },
]
const columns: Columns<Fruit> = [
  { key: 'name', header: 'Name', value: (fruit) => fruit.name },
  {
    key: 'grams',
    header: 'Weight',
    numeric: true,
    format: (value) => `${Number(value)} g`,
    value: (fruit) => fruit.grams,
  },
  { key: 'heavy', header: 'Heavy', default: false, value: (fruit) => fruit.grams > 100 },
]

class FruitList extends AcsCommand<JsonRecord[], typeof FruitList> {
  static override id = 'fruit:list'
  static override flags = { ...listFlags, none: Flags.boolean() }
  run(): Promise<JsonRecord[]> {
    return this.showList(columns, this.flags.none ? [] : fruits, 'No fruit.')
  }
}

class FruitShow extends AcsCommand<JsonRecord, typeof FruitShow> {
  static override id = 'fruit:show'
  static override args = { fruit: nameArg('Name of the fruit') }
  run(): Promise<JsonRecord> {
    const fruit = fruits.find(({ name }) => name === this.args.fruit)
    if (!fruit)
      throw new AcsError('not-found', 'EACSNOTFOUND', `there is no fruit "${this.args.fruit}"`, {
        hints: ['acs fruit list'],
        details: { name: this.args.fruit },
      })
    return this.showOne(columns, fruit)
  }
}

class FruitEat extends AcsCommand<JsonRecord | undefined, typeof FruitEat> {
  static override id = 'fruit:eat'
  static override args = { fruit: nameArg('Name of the fruit') }
  static override flags = { ...mutationFlags, ...destructiveFlags, size: volumeSizeFlag(), timeout: timeoutFlag('7m') }
  async run(): Promise<JsonRecord | undefined> {
    await this.prompt.typeBack(this.args.fruit, 'It will be gone.')
    this.warn('it has a stone')
    this.say(
      `eating, ${Math.round(this.deadline.remainingMs() / 60_000)} minutes left, wait ${String(this.flags.wait)}`,
    )
    console.log('a library talks')
    if (this.args.fruit === 'stone') throw new TypeError('teeth is undefined')
    return undefined
  }
}

interface Runnable {
  run(argv: string[], options: Config): Promise<unknown>
}

async function run(command: Runnable, ...argv: string[]) {
  const { stdout, stderr, error } = await captureOutput(() => command.run(argv, config), { stripAnsi: true })
  return { stdout, stderr, code: error === undefined ? 0 : toldFailure(error)?.exitCode }
}

beforeEach(() => {
  vi.stubEnv('NO_COLOR', '1')
  vi.stubEnv('ACS_OUTPUT', undefined)
  return () => vi.unstubAllEnvs()
})

describe('a list', () => {
  test('table, names, and nothing', async () => {
    expect((await run(FruitList)).stdout).toBe('NAME   WEIGHT\npear    180 g\napple   150 g\nfig      50 g\n')
    expect((await run(FruitList, '-q', '--sort', 'name')).stdout).toBe('apple\nfig\npear\n')
    expect((await run(FruitList, '-o', 'name', '--limit', '1')).stdout).toBe('pear\n')
    expect(await run(FruitList, '--none')).toEqual({ stdout: '', stderr: 'No fruit.\n', code: 0 })
    expect(await run(FruitList, '--none', '-q')).toEqual({ stdout: '', stderr: '', code: 0 })
  })

  test('filter, then sort, then limit', async () => {
    const argv = ['--filter', 'grams>=100', '--sort', 'grams', '--limit', '1', '--columns', 'name,heavy']
    expect((await run(FruitList, ...argv)).stdout).toBe('NAME   HEAVY\napple  yes\n')
    expect(JSON.parse((await run(FruitList, ...argv, '--json')).stdout)).toEqual({
      result: [{ name: 'apple', heavy: true }],
      warnings: [],
    })
  })

  test('JSON has all columns with raw values, also for an empty list', async () => {
    const { stdout } = await run(FruitList, '--json', '--limit', '1')
    expect(JSON.parse(stdout)).toEqual({ result: [{ name: 'pear', grams: 180, heavy: true }], warnings: [] })
    expect(JSON.parse((await run(FruitList, '--json', '--none')).stdout)).toEqual({ result: [], warnings: [] })
    expect((await run(FruitList, '-o', 'yaml', '--none')).stdout).toBe('result: []\nwarnings: []\n')
  })

  test('an unknown column is usage, in every format', async () => {
    expect(await run(FruitList, '--sort', 'color')).toMatchObject({ code: 2, stdout: '' })
    expect(await run(FruitList, '--columns', 'color', '--json')).toMatchObject({ code: 2, stderr: '' })
  })
})

describe('one object', () => {
  test('has all columns', async () => {
    expect((await run(FruitShow, 'fig')).stdout).toBe('Name    fig\nWeight  50 g\nHeavy   no\n')
    expect((await run(FruitShow, 'fig', '-o', 'name')).stdout).toBe('fig\n')
  })

  test('an error is told once, with its code and hints', async () => {
    expect(await run(FruitShow, 'kiwi')).toEqual({
      code: 3,
      stdout: '',
      stderr: 'Error (EACSNOTFOUND): there is no fruit "kiwi"\nTry:\n  acs fruit list\n',
    })
    const { code, stdout, stderr } = await run(FruitShow, 'kiwi', '--json')
    expect({ code, stderr }).toEqual({ code: 3, stderr: '' })
    expect(JSON.parse(stdout)).toEqual({
      error: {
        code: 'EACSNOTFOUND',
        message: 'there is no fruit "kiwi"',
        hints: ['acs fruit list'],
        details: { name: 'kiwi' },
        exitCode: 3,
      },
      warnings: [],
    })
  })
})

describe('an action', () => {
  test('the talk goes to stderr, the document alone to stdout, warnings into it', async () => {
    const plain = await run(FruitEat, 'pear', '--confirm', 'pear', '--no-wait')
    expect(plain).toEqual({
      code: 0,
      stdout: 'a library talks\n',
      stderr: 'Warning: it has a stone\neating, 7 minutes left, wait false\n',
    })
    const json = await run(FruitEat, 'pear', '--yes', '--json')
    expect(json).toMatchObject({ code: 0, stderr: 'a library talks\n' })
    expect(JSON.parse(json.stdout)).toEqual({ result: null, warnings: ['it has a stone'] })
  })

  test('without an answer it is refused, and says which flag answers', async () => {
    expect(await run(FruitEat, 'pear', '--no-input')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Pass --confirm pear, or --yes') as string,
    })
  })

  test('a defect exits 10, says where to report it, and keeps the warnings', async () => {
    const { code, stdout } = await run(FruitEat, 'stone', '--yes', '--json')
    expect(code).toBe(10)
    expect(JSON.parse(stdout)).toMatchObject({
      error: { code: 'EACSBUG', exitCode: 10, message: 'TypeError: teeth is undefined; this is a bug in acs' },
      warnings: ['it has a stone'],
    })
  })

  test.each([
    ['10X', 'EACSSIZE'],
    ['-1', 'EACSSIZE'],
    ['0', 'EACSSIZE'],
    ['65T', 'EACSSIZE'],
  ])('--size %s is usage', async (size, code) => {
    const outcome = await run(FruitEat, 'pear', '--yes', `--size=${size}`)
    expect(outcome.code).toBe(2)
    expect(outcome.stderr).toContain(`Error (${code}): --size: "${size}"`)
  })
})

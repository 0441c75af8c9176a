import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { acs, projectRoot } from './acs.js'

const secret = 'hunter2-in-argv'

/** The one JSON document of a run: parsing fails when anything else is on stdout. */
function errorOf(stdout: string): Record<string, unknown> {
  const document: unknown = JSON.parse(stdout)
  expect(document).toHaveProperty('error')
  expect(document).toHaveProperty('warnings')
  return (document as { error: Record<string, unknown> }).error
}

describe('a wrong command line', () => {
  test.each<[string, string[], string, RegExp]>([
    ['an unknown flag', ['cluster', 'show', '--endpiont', 'x'], 'EACSFLAG', /Did you mean --endpoint\?/],
    ['an unknown flag near --json', ['cluster', 'show', '--jsn'], 'EACSFLAG', /Did you mean --json\?/],
    ['a wrong value of a flag', ['cluster', 'show', '-o', 'jsno'], 'EACSFLAGVALUE', /Did you mean json\?/],
    ['a bad duration', ['cluster', 'show', '--timeout', '5x'], 'EACSDURATION', /--timeout: "5x"/],
    ['a flag without its value', ['cluster', 'show', '--endpoint'], 'EACSUSAGE', /--endpoint expects a value/],
    ['a missing argument', ['task', 'show'], 'EACSMISSING', /Missing TASK/],
    ['an argument too many', ['cluster', 'show', 'lab'], 'EACSARGUMENT', /Unexpected argument "lab"/],
    [
      'flags that exclude each other',
      ['host', 'list', '--password-file', 'x', '--password-stdin'],
      'EACSUSAGE',
      /cannot also be provided/,
    ],
    ['a negative limit', ['host', 'list', '--limit', '-1'], 'EACSFLAGVALUE', /--limit: Expected an integer greater/],
    ['an unknown command', ['cluster', 'shwo'], 'EACSCOMMANDUNKNOWN', /Did you mean acs cluster show\?/],
    ['a command with a wrong beginning', ['clutser', 'show'], 'EACSCOMMANDUNKNOWN', /Did you mean acs cluster show\?/],
    ['an unknown entity', ['clutser'], 'EACSCOMMANDUNKNOWN', /There is no command "clutser"/],
    ['help of an unknown command', ['help', 'clutser'], 'EACSCOMMANDUNKNOWN', /Did you mean/],
  ])('%s exits 2 and says what was meant', async (_name, args, code, text) => {
    const plain = await acs(args)
    expect(plain).toMatchObject({ code: 2, stdout: '' })
    expect(plain.stderr).toMatch(text)
    expect(plain.stderr).toContain(`Error (${code}): `)
    expect(plain.stderr).toContain('Try:')

    if (args.includes('-o')) return
    const json = await acs([...args, '--json'])
    expect(json).toMatchObject({ code: 2, stderr: '' })
    expect(errorOf(json.stdout)).toMatchObject({ code, exitCode: 2 })
  })

  test('an entity without an action shows its help, or with --json the actions there are', async () => {
    const plain = await acs(['cluster'])
    expect(plain.code).toBe(0)
    expect(plain.stdout).toContain('acs cluster COMMAND')
    const json = await acs(['cluster', '--json'])
    expect(json.code).toBe(2)
    expect(errorOf(json.stdout)).toMatchObject({ hints: ['acs cluster show'] })
  })
})

describe('secrets', () => {
  test.each([
    [['cluster', 'show', `--password=${secret}`]],
    [['cluster', 'show', '--password', secret]],
    [['cluster', 'show', '--passwrod', secret, '--json']],
    [['cluster', 'show', `--token=${secret}`, '--json', '--debug']],
  ])('%j says what to do, and nothing of the value', async (args) => {
    const { code, stdout, stderr } = await acs(args)
    expect(code).toBe(2)
    expect(stdout + stderr).not.toContain(secret)
    if (!args.includes('--passwrod')) expect(stdout + stderr).toContain('--password-stdin or --password-file FILE')
  })

  test('DEBUG makes no library tell the command line', async () => {
    const args = ['cluster', 'show', '--context', secret]
    const { code, stdout, stderr } = await acs(['task', 'show', secret], { DEBUG: '*' })
    expect(stderr).toContain('EACSNOCONNECTION')
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).not.toContain(secret)
    expect(await acs(args, { DEBUG: '*' })).toEqual(await acs(args))
  })

  test('a password on standard input is never taken for a missing argument', async () => {
    const { code, stdout } = await acs(['task', 'show', '--password-stdin', '--json'], {}, secret)
    expect(code).toBe(2)
    expect(errorOf(stdout)).toMatchObject({ code: 'EACSMISSING' })
    expect(stdout).not.toContain(secret)
  })
})

describe('machine-readable output', () => {
  test('ACS_OUTPUT and -o yaml choose the form of errors too', async () => {
    const byEnvironment = await acs(['cluster', 'show', '--nope'], { ACS_OUTPUT: 'json' })
    expect(errorOf(byEnvironment.stdout)).toMatchObject({ code: 'EACSFLAG' })
    const yaml = await acs(['cluster', 'show', '--nope', '-o', 'yaml'])
    expect(yaml.stdout).toMatch(/^error:\n {2}code: EACSFLAG\n/)
  })

  test('what follows -- is not a flag', async () => {
    const { stdout, stderr } = await acs(['task', 'show', '--', '--json'])
    expect(stdout).toBe('')
    expect(stderr).toContain('EACSNOCONNECTION')
  })
})

describe('help', () => {
  test('exit codes, environment and formatting are topics', async () => {
    const codes = await acs(['help', 'exit-codes'])
    expect(codes).toMatchObject({ code: 0, stderr: '' })
    for (const code of [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 130, 143])
      expect(codes.stdout).toMatch(new RegExp(`^ +${code}  \\w`, 'm'))
    expect((await acs(['help', 'environment'])).stdout).toMatch(/ACS_ENDPOINT[\s\S]*NUTANIX_ENDPOINT/)
    expect((await acs(['help', 'formatting'])).stdout).toMatch(/--filter/)
  })

  test('the same help by every way, aliases too', async () => {
    const { stdout } = await acs(['container', 'list', '--help'])
    expect(stdout).toContain('acs container list')
    for (const args of [
      ['help', 'container', 'list'],
      ['ctr', 'ls', '-h'],
      ['help', 'ctr', 'ls'],
    ])
      expect((await acs(args)).stdout).toBe(stdout)
  })

  test('hidden commands and aliases are not in it', async () => {
    const { stdout } = await acs([])
    expect(stdout).toContain('acs help exit-codes')
    expect(stdout).not.toMatch(/__complete|\bctr\b {2}|\bvg\b {2}/)
  })

  test('--version', async () => {
    const { version } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as { version: string }
    expect((await acs(['--version'])).stdout).toMatch(`acs/${version} `)
  })
})

test('colours only where they are wanted', async () => {
  const args = ['cluster', 'show', '--nope']
  const escape = '\u001B['
  expect((await acs(args)).stderr).not.toContain(escape)
  expect((await acs(args, { FORCE_COLOR: '1' })).stderr).toContain(escape)
  expect((await acs([...args, '--no-color'], { FORCE_COLOR: '1' })).stderr).not.toContain(escape)
  expect((await acs(['cluster', '--help'], { NO_COLOR: '1' })).stdout).not.toContain(escape)
})

test('the stack is shown with --debug only', async () => {
  const plain = await acs(['cluster', 'show'])
  expect(plain).toMatchObject({ code: 2 })
  expect(plain.stderr).not.toContain('    at ')
  expect((await acs(['cluster', 'show', '--debug'])).stderr).toMatch(/ {4}at .*src\/lib\/config\/resolve\.ts:\d+/)
})

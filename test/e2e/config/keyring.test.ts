import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startLab } from '../../integration/prism/simulated.js'
import { requirement } from '../../requirements.js'
import { keepFiles } from '../../secrets/evidence.js'

const repository = join(import.meta.dirname, '..', '..', '..')
const keyringProcess = fileURLToPath(new URL('./keyring-process.ts', import.meta.url))
const commandProcess = fileURLToPath(new URL('./command-process.ts', import.meta.url))
const available = requirement('keyring', [{ tool: 'dbus-run-session' }, { tool: 'gnome-keyring-daemon' }])

let home = ''
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'acs-keyring-'))
})
afterEach(() => {
  keepFiles(home)
  rmSync(home, { recursive: true, force: true })
})

/** Runs shell lines; `KEYRING` is one operation in its own process. Each line it prints is one answer. */
async function run(
  lines: readonly string[],
  session: 'with keyring' | 'locked keyring' | 'without keyring' | 'without D-Bus',
): Promise<unknown[]> {
  const unlock =
    session === 'with keyring'
      ? [
          'printf "login password" | gnome-keyring-daemon --unlock --foreground --components=secrets >/dev/null 2>&1 &',
          'DAEMON=$!',
          // Ends with this session whatever happens to the test; the bus kills nobody.
          'trap "kill $DAEMON; wait $DAEMON 2>/dev/null" EXIT',
          'for i in $(seq 100); do dbus-send --session --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.GetNameOwner string:org.freedesktop.secrets >/dev/null 2>&1 && break; sleep 0.1; done',
        ]
      : []
  const script = [
    `KEYRING="node --import tsx ${keyringProcess}"`,
    `ACS="node --import tsx ${commandProcess}"`,
    ...unlock,
    ...lines,
  ].join('\n')
  const bus = session === 'without keyring' ? [`--config-file=${emptyBus()}`] : []
  const wrapper = session === 'without D-Bus' ? [] : ['dbus-run-session', ...bus, '--']
  const [command, ...args] = [...wrapper, 'bash', '-c', script]
  const child = spawn(command, args, {
    cwd: repository,
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: 120_000,
    // Nothing of a desktop session this test may run in.
    env: { PATH: process.env.PATH, HOME: home, XDG_RUNTIME_DIR: home, XDG_DATA_HOME: join(home, 'data') },
  })
  let stdout = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  return stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line): unknown => JSON.parse(line))
}

/** A session bus that activates no service: where gnome-keyring is installed, the usual one would start it. */
function emptyBus(): string {
  const file = join(home, 'bus.conf')
  writeFileSync(
    file,
    `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
  "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:tmpdir=${home}</listen>
  <policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
</busconfig>
`,
  )
  return file
}

describe.skipIf(!available)('the keyring of the session', () => {
  it('keeps a password from one process to the next until it is removed', async () => {
    const answers = await run(
      [
        '$KEYRING read ada@lab:9440',
        'echo "pass wörd" | $KEYRING store ada@lab:9440',
        '$KEYRING read ada@lab:9440',
        '$KEYRING read bob@lab:9440',
        'echo second | $KEYRING store ada@lab:9440',
        '$KEYRING read ada@lab:9440',
        '$KEYRING remove ada@lab:9440',
        '$KEYRING read ada@lab:9440',
        '$KEYRING remove ada@lab:9440',
      ],
      'with keyring',
    )
    expect(answers.map((answer) => (answer as { result: unknown }).result)).toEqual([
      null,
      null,
      'pass wörd',
      null,
      null,
      'second',
      true,
      null,
      false,
    ])
    expect(new Set(answers.map((answer) => (answer as { pid: number }).pid)).size).toBe(9)
  })

  it('is where acs login keeps a password, and other commands find it until acs logout', async () => {
    const { sim, password } = await startLab()
    const [added, loggedIn, onDisk, shown, loggedOut, refused] = await run(
      [
        `$ACS context:add lab --endpoint ${sim.endpoint} --username admin --fingerprint ${sim.fingerprint} -o json | tr -d '\\n'; echo`,
        `$ACS login --password-file ${sim.passwordFile} -o json | tr -d '\\n'; echo`,
        // grep: 1 is "found nothing".
        `grep -rqF '${password}' "$HOME/.config/acs"; echo "{\\"grep\\": $?}"`,
        "$ACS cluster:show -o json | tr -d '\\n'; echo",
        "$ACS logout -o json | tr -d '\\n'; echo",
        "$ACS cluster:show -o json | tr -d '\\n'; echo",
      ],
      'with keyring',
    )
    expect(added).toMatchObject({ result: { current: true } })
    expect(loggedIn).toMatchObject({ result: { context: 'lab', credential: { source: 'keyring' } } })
    expect(onDisk).toEqual({ grep: 1 })
    expect(shown).toMatchObject({ result: { name: expect.any(String) as string } })
    expect(loggedOut).toMatchObject({ result: { removed: true } })
    expect(refused).toMatchObject({ error: { code: 'EACSNOPASSWORD', exitCode: 4 } })
  })

  it.each([
    ['without keyring', ['$KEYRING read ada@lab:9440', 'echo x | $KEYRING store ada@lab:9440']],
    ['without D-Bus', ['$KEYRING read ada@lab:9440', 'echo x | $KEYRING store ada@lab:9440']],
    // Reading a locked keyring finds nothing; storing needs somebody to unlock it.
    ['locked keyring', ['echo x | $KEYRING store ada@lab:9440']],
  ] as const)('is said to be unusable, soon: %s', async (session, lines) => {
    const started = performance.now()
    const answers = await run(lines, session)
    expect(answers).toHaveLength(lines.length)
    for (const answer of answers)
      expect(answer).toMatchObject({
        error: {
          kind: 'precondition',
          code: 'EACSKEYRING',
          hints: expect.arrayContaining([expect.stringContaining('--credential file')]) as string[],
        },
      })
    expect(performance.now() - started).toBeLessThan(30_000)
  })
})

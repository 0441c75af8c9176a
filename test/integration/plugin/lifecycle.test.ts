import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { AcsError } from '../../../src/lib/base/errors.js'
import type { Call, VolumeDriver } from '../../../src/lib/plugin/driver.js'
import { recordingDriver } from './recording-driver.js'
import { gate, startServerLab } from './server-lab.js'
import { dockerdRequest, openWire } from './wire.js'

const mountRequest = dockerdRequest('VolumeDriver.Mount', '{"Name":"db","ID":"one"}\n')

describe('before the driver is there', () => {
  test('Activate and Capabilities are answered, others wait, and then are served', async () => {
    const coming = gate<VolumeDriver>()
    const lab = await startServerLab(() => coming.opened)
    expect((await lab.call('Plugin.Activate')).body).toBe('{"Implements":["VolumeDriver"]}')
    expect((await lab.call('VolumeDriver.Capabilities', {})).body).toBe('{"Capabilities":{"Scope":"global"}}')
    let answered = false
    const waiting = lab.call('VolumeDriver.Create', { Name: 'db' }).finally(() => (answered = true))
    // What is wrong with a request is said without the driver.
    expect((await lab.call('VolumeDriver.Create', { Name: 'a/b' })).status).toBe(500)
    await expect.poll(() => lab.server.load().calls).toBe(1)
    expect(answered).toBe(false)
    coming.open(recordingDriver({ capabilities: () => ({ scope: 'local' }) }))
    expect(await waiting).toMatchObject({ status: 200, body: '{"Err":""}' })
    expect((await lab.call('VolumeDriver.Capabilities', {})).body).toBe('{"Capabilities":{"Scope":"local"}}')
  })

  test('waiting ends with the deadline: an error, but no answer to Get', async () => {
    const lab = await startServerLab(() => gate<VolumeDriver>().opened, { longCallMs: 60, shortCallMs: 60 })
    const started = performance.now()
    const [create, get] = await Promise.allSettled([
      lab.call('VolumeDriver.Create', { Name: 'db' }),
      lab.call('VolumeDriver.Get', { Name: 'db' }),
    ])
    expect(performance.now() - started).toBeLessThan(2_000)
    expect(create).toMatchObject({ status: 'fulfilled', value: { status: 500 } })
    expect(JSON.stringify(create)).toContain('timed out while waiting for the volume plugin to start (EACSTIMEOUT')
    expect(get.status).toBe('rejected')
  })

  test('a driver that cannot be made is why calls fail', async () => {
    const lab = await startServerLab(() =>
      Promise.reject(new AcsError('usage', 'EACSCONFIG', '/etc/acs/plugin.yaml line 3: unknown key "ligner"')),
    )
    expect((await lab.call('VolumeDriver.Mount', { Name: 'db', ID: 'one' })).body).toContain('unknown key \\"ligner\\"')
    await expect(lab.call('VolumeDriver.Get', { Name: 'db' })).rejects.toThrow('without an answer')
    expect((await lab.call('VolumeDriver.Capabilities', {})).status).toBe(200)
  })
})

describe("a call's deadline", () => {
  test('is shorter than what Docker gives', async () => {
    const left: Record<string, number> = {}
    const note = (name: string) => (_request: unknown, call: Call) => {
      left[name] = Math.round(call.deadline.remainingMs() / 1000)
      return Promise.resolve()
    }
    const lab = await startServerLab(
      recordingDriver({
        create: note('create'),
        unmount: note('unmount'),
        remove: note('remove'),
        mount: (request, call) => note('mount')(request, call).then(() => ({ mountPoint: '/m' })),
      }),
    )
    const request = { Name: 'db', ID: 'one' }
    for (const call of ['Create', 'Mount', 'Unmount', 'Remove']) await lab.call(`VolumeDriver.${call}`, request)
    expect(left).toEqual({ create: 110, mount: 110, unmount: 55, remove: 55 })
  })

  test('passes: the driver sees it, and its error is the answer', async () => {
    const lab = await startServerLab(
      recordingDriver({ create: (_request, call) => call.deadline.sleep(60_000, 'waiting for the task') }),
      { longCallMs: 60 },
    )
    const { status, body } = await lab.call('VolumeDriver.Create', { Name: 'db' })
    expect(status).toBe(500)
    // `docker` has no --timeout to recommend.
    expect(body).toMatch(/^\{"Err":"timed out while waiting for the task \(EACSTIMEOUT, request \w+\)"\}$/)
    expect(await lab.metrics()).toContain('{call="Create",outcome="timeout"} 1\n')
  })

  test('passes unseen by the driver: Docker is answered, and what is mounted later is unmounted', async () => {
    const late = gate<{ mountPoint: string }>()
    const driver = recordingDriver({ mount: () => late.opened })
    const lab = await startServerLab(driver, { longCallMs: 30, graceMs: 30 })
    driver.volumes.set('db', { name: 'db', ids: new Set() })
    const { status, body } = await lab.call('VolumeDriver.Mount', { Name: 'db', ID: 'one' })
    expect(status).toBe(500)
    expect(body).toContain('Mount takes too long')
    expect(lab.log.some(({ level, message }) => level === 'error' && message.includes('deadline'))).toBe(true)
    expect(driver.asked.map(([call]) => call)).toEqual(['mount'])
    late.open({ mountPoint: '/mnt/acs/db' })
    await expect.poll(() => driver.asked.map(([call]) => call)).toEqual(['mount', 'unmount'])
    await expect.poll(() => lab.server.load().calls).toBe(0)
  })

  test('a Get that takes too long is not answered', async () => {
    const lab = await startServerLab(recordingDriver({ get: () => gate<never>().opened }), {
      shortCallMs: 20,
      graceMs: 20,
      drainMs: 10,
      cancelMs: 10,
    })
    await expect(lab.call('VolumeDriver.Get', { Name: 'db' })).rejects.toThrow('without an answer')
  })
})

describe('a client that hangs up', () => {
  test.each(['hangUp', 'halfClose'] as const)('cancels the call (%s)', async (how) => {
    const cancelled = gate<unknown>()
    const lab = await startServerLab(
      recordingDriver({
        mount: async (_request, call) => {
          await call.deadline.sleep(60_000, 'logging in').catch((error: unknown) => {
            cancelled.open(error)
            throw error
          })
          return { mountPoint: '/m' }
        },
      }),
    )
    const wire = await lab.wire()
    wire.send(mountRequest)
    await expect.poll(() => lab.server.load().calls).toBe(1)
    wire[how]()
    expect(await cancelled.opened).toMatchObject({ code: 'EACSINTERRUPTED' })
    await expect.poll(() => lab.server.load().calls).toBe(0)
    expect(lab.log.at(-1)).toMatchObject({ fields: { call: 'Mount', outcome: 'gone' } })
  })

  test('leaves nothing mounted when the mount succeeds all the same', async () => {
    const late = gate<{ mountPoint: string }>()
    const driver = recordingDriver({ mount: () => late.opened })
    driver.volumes.set('db', { name: 'db', ids: new Set() })
    const lab = await startServerLab(driver)
    const wire = await lab.wire()
    wire.send(mountRequest)
    await expect.poll(() => driver.asked.length).toBe(1)
    wire.hangUp()
    await expect.poll(() => driver.calls[0]!.deadline.signal.aborted).toBe(true)
    late.open({ mountPoint: '/mnt/acs/db' })
    await expect
      .poll(() => driver.asked)
      .toEqual([
        ['mount', { name: 'db', id: 'one' }],
        ['unmount', { name: 'db', id: 'one' }],
      ])
    // Not with the deadline of a call that is over.
    expect(driver.calls[1]!.deadline.signal.aborted).toBe(false)
  })

  test('a mount asked for again meanwhile is not taken away by the undoing of the first', async () => {
    const first = gate<{ mountPoint: string }>()
    const second = gate<{ mountPoint: string }>()
    const mounts = [first.opened, second.opened]
    const driver = recordingDriver({ mount: () => mounts.shift()! })
    driver.volumes.set('db', { name: 'db', ids: new Set() })
    const lab = await startServerLab(driver)
    const wire = await lab.wire()
    wire.send(mountRequest)
    await expect.poll(() => driver.asked.length).toBe(1)
    wire.hangUp()
    await expect.poll(() => driver.calls[0]!.deadline.signal.aborted).toBe(true)
    const again = lab.call('VolumeDriver.Mount', { Name: 'db', ID: 'one' })
    await expect.poll(() => driver.asked.length).toBe(2)
    first.open({ mountPoint: '/mnt/acs/db' })
    await expect.poll(() => lab.log.filter(({ fields }) => fields.outcome === 'gone').length).toBe(1)
    second.open({ mountPoint: '/mnt/acs/db' })
    expect((await again).status).toBe(200)
    await expect.poll(() => lab.server.load().calls).toBe(0)
    expect(driver.asked.map(([call]) => call)).toEqual(['mount', 'mount'])
  })

  test('a mount asked for again during the undoing waits for its end', async () => {
    const undoing = gate()
    const late = gate<{ mountPoint: string }>()
    const driver = recordingDriver({
      mount: ({ id }) => (id === 'one' ? late.opened : Promise.reject(new Error('not asked'))),
      unmount: () => undoing.opened,
    })
    const lab = await startServerLab(driver)
    const wire = await lab.wire()
    wire.send(mountRequest)
    await expect.poll(() => driver.asked.length).toBe(1)
    wire.hangUp()
    await expect.poll(() => driver.calls[0]!.deadline.signal.aborted).toBe(true)
    late.open({ mountPoint: '/mnt/acs/db' })
    await expect.poll(() => driver.asked.length).toBe(2)
    const again = lab.call('VolumeDriver.Mount', { Name: 'db', ID: 'one' })
    await expect.poll(() => lab.server.load().calls).toBe(2)
    await sleep(20)
    expect(driver.asked.map(([call]) => call)).toEqual(['mount', 'unmount'])
    undoing.open()
    expect((await again).status).toBe(200)
    expect(driver.asked.map(([call]) => call)).toEqual(['mount', 'unmount', 'mount'])
  })

  test('does not end an Unmount: nobody would ask for it again', async () => {
    const detaching = gate()
    const driver = recordingDriver({ unmount: () => detaching.opened })
    const lab = await startServerLab(driver)
    const wire = await lab.wire()
    wire.send(dockerdRequest('VolumeDriver.Unmount', '{"Name":"db","ID":"one"}\n'))
    await expect.poll(() => driver.asked.length).toBe(1)
    wire.hangUp()
    await expect.poll(() => lab.server.load().connections).toBe(0)
    expect(driver.calls[0]!.deadline.signal.aborted).toBe(false)
    detaching.open()
    await expect.poll(() => lab.server.load().calls).toBe(0)
  })
})

describe('slow and greedy clients', () => {
  test('silence, half a head and half a body end in time; a good client is served meanwhile', async () => {
    const lab = await startServerLab(recordingDriver(), { headersMs: 100, requestMs: 200 })
    const half = 'POST /VolumeDriver.Create HTTP/1.1\r\nContent-Length: 50\r\n\r\n{"Name"'
    const wires = await Promise.all(
      ['', 'POST /Vol', half, half.replace('Create', 'Get')].map(async (text) => {
        const wire = await lab.wire()
        wire.send(text)
        return wire
      }),
    )
    expect((await lab.call('VolumeDriver.List', {})).status).toBe(200)
    await Promise.all(wires.map(({ closed }) => closed))
    for (const wire of wires) expect(wire.waiting).toBe(0)
    await expect.poll(() => lab.server.load()).toEqual({ calls: 0, connections: 0 })
  })

  test('a call that takes longer than a request may is not cut off', async () => {
    const slow = gate()
    const lab = await startServerLab(recordingDriver({ create: () => slow.opened }), { headersMs: 50, requestMs: 100 })
    const answer = lab.call('VolumeDriver.Create', { Name: 'db' })
    setTimeout(() => slow.open(), 1_500)
    expect((await answer).status).toBe(200)
  })

  test('an idle connection stays open, as dockerd wants it', async () => {
    const lab = await startServerLab(recordingDriver(), { headersMs: 50, requestMs: 100 })
    const wire = await lab.wire()
    wire.send(dockerdRequest('VolumeDriver.List', '{}\n'))
    await wire.answer()
    await sleep(1_500)
    wire.send(dockerdRequest('VolumeDriver.List', '{}\n'))
    expect((await wire.answer()).status).toBe(200)
  })

  test('a body past the limit is refused, and no more of it read', async () => {
    const lab = await startServerLab(recordingDriver(), { bodyBytes: 1_000 })
    const wire = await lab.wire()
    wire.send(dockerdRequest('VolumeDriver.Create', `{"Name":"v","Opts":{"x":"${'y'.repeat(100_000)}"}}`))
    expect((await wire.answer()).body).toContain('longer than 1000 bytes')
    await wire.closed
    const get = await lab.wire()
    get.send(dockerdRequest('VolumeDriver.Get', `{"Name":"${'y'.repeat(100_000)}"}`))
    await expect(get.answer()).rejects.toThrow('without an answer')
  })

  test('at the limit of connections the silent make room; those at work stay', async () => {
    const working = gate()
    const lab = await startServerLab(recordingDriver({ create: () => working.opened }), { connections: 8 })
    const busy = lab.call('VolumeDriver.Create', { Name: 'db' })
    const kept = await lab.wire()
    kept.send(dockerdRequest('VolumeDriver.List', '{}\n'))
    await kept.answer()
    await expect.poll(() => lab.server.load()).toEqual({ calls: 1, connections: 2 })
    const silent = []
    for (let count = 0; count < 30; count += 1) {
      silent.push(await lab.wire())
      silent.at(-1)!.send('POST /Vol')
    }
    expect((await lab.call('VolumeDriver.List', {})).status).toBe(200)
    expect(lab.server.load().connections).toBeLessThanOrEqual(8)
    // dockerd's own, in use before, outlives those that never asked anything.
    kept.send(dockerdRequest('VolumeDriver.List', '{}\n'))
    expect((await kept.answer()).status).toBe(200)
    working.open()
    expect((await busy).status).toBe(200)
  })

  test('a client that never reads its answer is let go', async () => {
    const { connect } = await import('node:net')
    const volumes = Array.from({ length: 20_000 }, (_, index) => ({
      name: `volume-${index}`,
      status: { text: 'x'.repeat(200) },
    }))
    const lab = await startServerLab(recordingDriver({ list: () => Promise.resolve(volumes) }), { answerMs: 100 })
    const deaf = connect(lab.path)
    deaf.on('error', () => undefined)
    deaf.pause()
    deaf.write(dockerdRequest('VolumeDriver.List', '{}\n'))
    await expect.poll(() => lab.log.map(({ fields }) => fields.outcome)).toContain('gone')
    await expect.poll(() => lab.server.load().connections).toBe(0)
    deaf.destroy()
  })
})

describe('a graceful stop', () => {
  test('finishes what is at work, takes no more, and takes the socket away', async () => {
    const working = gate()
    const lab = await startServerLab(recordingDriver({ create: () => working.opened }))
    const idle = await lab.wire()
    const answer = lab.call('VolumeDriver.Create', { Name: 'db' })
    await expect.poll(() => lab.server.load().calls).toBe(1)
    let closed = false
    const closing = lab.server.close().then(() => (closed = true))
    await idle.closed
    await expect(openWire(lab.path)).rejects.toMatchObject({ code: 'ENOENT' })
    expect(closed).toBe(false)
    working.open()
    expect(await answer).toMatchObject({ status: 200, body: '{"Err":""}', headers: { connection: 'close' } })
    await closing
  })

  test('cancels what takes longer than the bound, and waits for its undoing', async () => {
    const events: string[] = []
    const lab = await startServerLab(
      recordingDriver({
        create: async (_request, call) => {
          await call.deadline.sleep(60_000, 'waiting').catch(() => undefined)
          await sleep(30)
          events.push('undone')
          call.deadline.check('creating')
        },
      }),
      { drainMs: 50, cancelMs: 5_000 },
    )
    const answer = lab.call('VolumeDriver.Create', { Name: 'db' })
    await expect.poll(() => lab.server.load().calls).toBe(1)
    await lab.server.close()
    expect(events).toEqual(['undone'])
    expect((await answer).body).toContain('EACSINTERRUPTED')
  })

  test('does not wait for ever for a driver that hears nothing', async () => {
    const lab = await startServerLab(recordingDriver({ create: () => gate().opened }), { drainMs: 30, cancelMs: 30 })
    const answer = lab.call('VolumeDriver.Create', { Name: 'db' })
    await expect.poll(() => lab.server.load().calls).toBe(1)
    await Promise.all([lab.server.close(), expect(answer).rejects.toThrow('without an answer')])
  })

  test('sends those away who wait for a driver that is not there yet', async () => {
    const lab = await startServerLab(() => gate<VolumeDriver>().opened)
    const answer = lab.call('VolumeDriver.Create', { Name: 'db' })
    await expect.poll(() => lab.server.load().calls).toBe(1)
    await lab.server.close()
    expect((await answer).body).toContain('the volume plugin is stopping')
  })

  test('told twice, it cancels at once', async () => {
    const lab = await startServerLab(
      recordingDriver({ create: (_request, call) => call.deadline.sleep(60_000, 'waiting') }),
      { drainMs: 60_000 },
    )
    const answer = lab.call('VolumeDriver.Create', { Name: 'db' })
    await expect.poll(() => lab.server.load().calls).toBe(1)
    void lab.server.close()
    await Promise.all([lab.server.close(), answer])
  })
})

import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { deadlineIn } from '../../../src/lib/base/deadline.js'
import { fetchCertificate } from '../../../src/lib/prism/certificate.js'
import { startLab } from './simulated.js'

const wrongPin = Array<string>(32).fill('AB').join(':')

describe('trust', () => {
  it('is refused without pin or CA; the error shows the fingerprint and how to pin it', async () => {
    const { connect, sim } = await startLab()
    const before = sim.state()
    await expect(connect({ fingerprint: undefined }).cluster()).rejects.toMatchObject({
      code: 'EACSCERTIFICATE',
      kind: 'auth',
      details: { fingerprint: sim.fingerprint, cause: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
      hints: expect.arrayContaining([expect.stringContaining(`--fingerprint ${sim.fingerprint}`)]) as string[],
    })
    // No request went out, so no password did.
    expect(sim.state()).toMatchObject({ logins: before.logins, failedLogins: before.failedLogins })
  })

  it('is refused with a wrong pin, before anything is sent', async () => {
    const { connect, sim, events } = await startLab()
    const before = sim.state()
    await expect(connect({ fingerprint: wrongPin }).cluster()).rejects.toMatchObject({
      code: 'EACSCERTIFICATE',
      message: expect.stringContaining('not the pinned one') as string,
      details: { fingerprint: sim.fingerprint },
    })
    expect(sim.state()).toMatchObject({ logins: before.logins, failedLogins: before.failedLogins })
    expect(events).toMatchObject([{ error: expect.stringContaining('EPIN') as string }])
  })

  it('is given with the CA', async () => {
    const { connect, sim } = await startLab()
    const ca = await readFile(sim.certificateFile, 'utf8')
    await expect(connect({ fingerprint: undefined, ca }).cluster()).resolves.toBeDefined()
  })

  it('counts for each new connection: another server on the port is refused', async () => {
    const first = await startLab()
    const prism = first.connect()
    await prism.cluster()
    const { port } = new URL(first.sim.endpoint)
    await first.sim.close()
    const second = await startLab({ listen: `127.0.0.1:${port}` })
    expect(second.sim.fingerprint).not.toBe(first.sim.fingerprint)
    await expect(prism.cluster()).rejects.toMatchObject({ code: 'EACSCERTIFICATE' })
    expect(second.sim.state().failedLogins).toBe(0)
  })
})

describe('fetchCertificate', () => {
  it('shows what the server shows, and whether a CA vouches for it', async () => {
    const { sim } = await startLab()
    const untrusted = await fetchCertificate(sim.endpoint, deadlineIn(5_000))
    expect(untrusted).toMatchObject({ fingerprint: sim.fingerprint, trusted: false, subject: 'acs simulator' })
    expect(untrusted.validTo.getTime()).toBeGreaterThan(Date.now())
    const ca = await readFile(sim.certificateFile, 'utf8')
    expect(await fetchCertificate(sim.endpoint, deadlineIn(5_000), ca)).toMatchObject({ trusted: true })
  })

  it('says what is wrong where no TLS server answers', async () => {
    await expect(fetchCertificate('127.0.0.1:1', deadlineIn(5_000))).rejects.toMatchObject({
      code: 'EACSUNREACHABLE',
      details: { cause: 'ECONNREFUSED' },
    })
  })
})

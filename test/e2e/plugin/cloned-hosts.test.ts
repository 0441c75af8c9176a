import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import { canMount } from '../volume/mounted-lab.js'
import { startHostsLab, type HostsLab, type Shared } from './hosts-lab.js'

let logs: () => string = () => ''

async function startHosts(both: Shared): Promise<HostsLab> {
  const lab = await startHostsLab('takeOver: { policy: take-over, delay: 1s }\nlinger: 1s', both)
  onTestFinished(() => lab.close())
  logs = () => lab.hosts.map((host) => host.logs()).join('')
  for (const host of lab.hosts) await host.start()
  await lab.hosts[0].client.ok('Create', { Name: 'db', Opts: { size: '64M' } })
  return lab
}

describe.skipIf(!canMount('cloned hosts', ['ip', 'unshare', 'nsenter']))('two hosts, cloned from one machine', () => {
  afterEach(({ task }) => {
    if (task.result?.state === 'fail') process.stderr.write(logs())
  })

  it('with one initiator name never have a volume both, whether the holder uses it or not', async () => {
    const { hosts } = await startHosts({ initiatorName: 'iqn.2026-01.io.acs:cloned' })
    const [a, b] = hosts
    await a.client.ok('Mount', { Name: 'db', ID: 'a' })
    const refused = async (): Promise<void> => {
      const { status, body } = await b.client.call('Mount', { Name: 'db', ID: 'b' })
      expect(status).toBe(500)
      expect(body.Err).toMatch(/has the same initiator name, as cloned machines do/)
      // What a refused mount had noted goes right after the answer.
      await expect.poll(() => b.leftovers(), { timeout: 10_000 }).toEqual([])
    }
    await refused()
    // Not taken from it either when its plugin is silent: the cluster could not keep one of the two out.
    await a.stop('SIGKILL')
    await refused()
    expect(await a.leftovers()).not.toEqual([])
    await a.start()
    await a.client.ok('Unmount', { Name: 'db', ID: 'a' })
    await expect.poll(() => a.leftovers(), { timeout: 30_000 }).toEqual([])
    await b.client.ok('Mount', { Name: 'db', ID: 'b' })
    await b.client.ok('Unmount', { Name: 'db', ID: 'b' })
  })

  it('with one host name are told apart by their initiators', async () => {
    const { hosts } = await startHosts({ hostName: 'twin' })
    const [a, b] = hosts
    await a.client.ok('Mount', { Name: 'db', ID: 'a' })
    const { status, body } = await b.client.call('Mount', { Name: 'db', ID: 'b' })
    expect(status).toBe(500)
    expect(body.Err).toMatch(/in use by .* on twin/)
    await a.client.ok('Unmount', { Name: 'db', ID: 'a' })
    await b.client.ok('Mount', { Name: 'db', ID: 'b' })
    expect(await a.leftovers()).toEqual([])
    await b.client.ok('Unmount', { Name: 'db', ID: 'b' })
  })
})

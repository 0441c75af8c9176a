import { describe, expect, it } from 'vitest'
import type { VolumeGroup } from '../../../src/lib/prism/prism.js'
import type { DockerContainer, DockerPlugin } from '../../../src/lib/plugin/docker-api.js'
import { stepsOf, warningsOf } from '../../../src/lib/plugin/migrate/advice.js'
import { assess } from '../../../src/lib/plugin/migrate/assess.js'
import { markable } from '../../../src/lib/plugin/migrate/dvp.js'
import { findOldPlugin, oldDriverNames } from '../../../src/lib/plugin/migrate/old-plugin.js'
import type { Survey } from '../../../src/lib/plugin/migrate/survey.js'

const here = 'iqn.1993-08.org.debian:01:here'
const there = 'iqn.1993-08.org.debian:01:there'
const running: DockerContainer = { id: 'a', name: 'web', state: 'running' }

const oldPlugin: DockerPlugin = {
  name: 'nutanix:latest',
  enabled: true,
  image: 'docker.io/ntnx/nutanix_volume_plugin:1.4ubuntu',
  settings: { PRISM_IP: '192.0.2.1', PRISM_USERNAME: 'dvp', PRISM_PASSWORD: '***', DEFAULT_CONTAINER: 'ctr' },
}

function group(name: string, change: Partial<VolumeGroup> = {}): VolumeGroup {
  return {
    uuid: `00000000-0000-0000-0000-${Buffer.from(name).toString('hex').padStart(12, '0').slice(-12)}`,
    name,
    description: '',
    logicalTimestamp: 1,
    disks: [{ index: 0, uuid: 'disk', sizeBytes: 1024, storageContainerUuid: 'c' }],
    iscsiTarget: name,
    attachments: [],
    flashMode: false,
    chap: false,
    shared: false,
    ...change,
  }
}

function seen(groups: VolumeGroup[], volumes: [string, string][] = [], using: string[] = []): Survey {
  const plugin = findOldPlugin([oldPlugin])
  return {
    groups,
    initiatorNames: [here],
    docker: {
      reachable: true,
      ...(plugin ? { oldPlugin: plugin } : {}),
      driverNames: oldDriverNames('nutanix', plugin),
      volumes: volumes.map(([name, driver]) => ({ name, driver })),
      mounts: using.map((volumeName) => ({ container: running, volumeName, driver: 'nutanix' })),
    },
  }
}

describe('the old plugin', () => {
  it('is known by its image, or by its settings under an alias', () => {
    expect(findOldPlugin([oldPlugin])).toEqual({
      name: 'nutanix:latest',
      enabled: true,
      image: 'docker.io/ntnx/nutanix_volume_plugin:1.4ubuntu',
      settings: { PRISM_IP: '192.0.2.1', PRISM_USERNAME: 'dvp', DEFAULT_CONTAINER: 'ctr' },
      passwordShown: true,
    })
    const settings = { PRISM_IP: '', PRISM_PASSWORD: '' }
    expect(findOldPlugin([{ name: 'x:1', enabled: false, settings }])).toMatchObject({
      name: 'x:1',
      passwordShown: false,
    })
  })

  it('is not the managed plugin of acs, nor another one', () => {
    const ours = {
      ...oldPlugin,
      image: 'registry/acs',
      settings: { ...oldPlugin.settings, ACS_PLUGIN_FOLDER: '/mnt/acs' },
    }
    expect(
      findOldPlugin([ours, { name: 'vieux/sshfs:latest', enabled: true, settings: { DEBUG: '0' } }]),
    ).toBeUndefined()
  })

  it('names its volumes with its tag', () => {
    expect(oldDriverNames('nutanix', undefined)).toEqual(['nutanix', 'nutanix:latest'])
    const alias = { name: 'ntnx/nutanix_volume_plugin:latest', enabled: true, settings: {}, passwordShown: false }
    expect(oldDriverNames('nutanix', alias)).toContain('ntnx/nutanix_volume_plugin:latest')
  })
})

describe('a volume', () => {
  const attachedTo = (...names: string[]): Partial<VolumeGroup> => ({
    attachments: names.map((initiatorName) => ({ initiatorName })),
  })
  const of = (name: string): [string, string] => [name, 'nutanix:latest']
  const stateOf = (survey: Survey): string[] => assess(survey).map(({ state }) => state)

  it.each([
    ['ready', group('v')],
    ['here', group('v', attachedTo(here.toUpperCase()))],
    ['elsewhere', group('v', attachedTo(there))],
    ['elsewhere', group('v', attachedTo(here, there))],
    ['vm', group('v', { attachments: [{ vmUuid: 'vm-1' }] })],
    ['no-disk', group('v', { disks: [] })],
    ['managed', group('v', { description: 'db\nacs:{"v":1,"fs":"ext4"}' })],
    // Attached by acs for once, which makes it nobody's.
    ['ready', group('v', { description: `acs:{"v":1,"h":{"n":"a","i":"${there}","s":"2026"}}` })],
  ])('is %s', (state, one) => {
    expect(stateOf(seen([one], [of('v')]))).toEqual([state])
  })

  it('is missing, ambiguous, or has a name that is taken', () => {
    expect(stateOf(seen([], [of('v')]))).toEqual(['missing'])
    expect(stateOf(seen([group('v'), group('v', { uuid: 'another' })], [of('v')]))).toEqual(['ambiguous'])
    expect(stateOf(seen([group('v')], [['v', 'local']]))).toEqual(['taken'])
  })

  it("is no concern of ours when it is acs's own and unknown to the old plugin", () => {
    expect(assess(seen([group('v', { description: 'acs:{"v":1,"fs":"xfs"}' })], [['v', 'acs']]))).toEqual([])
  })

  it('has its containers, each once', () => {
    expect(assess(seen([group('v')], [of('v')], ['v', 'v', 'other']))[0]?.containers).toEqual([running])
  })

  it('is marked when nobody has it, and a container here uses it or it is named', () => {
    const survey = seen(
      [group('free'), group('held', attachedTo(here)), group('k8s'), group('foreign')],
      [of('free'), of('held'), of('k8s')],
      ['free', 'held'],
    )
    const report = { volumes: assess(survey).map((volume) => ({ ...volume, what: '' })) }
    const names = (request: Parameters<typeof markable>[1]): string[] =>
      markable(report, request).map(({ name }) => name)
    expect(names({})).toEqual(['free'])
    expect(names({ all: true })).toEqual(['free', 'k8s'])
    expect(names({ only: ['foreign', 'held'] })).toEqual(['foreign', 'free'])
  })
})

describe('the advice', () => {
  const attached = group('pg', { attachments: [{ initiatorName: here }, { initiatorName: there }] })
  const survey = seen([attached], [['pg', 'nutanix:latest']], ['pg'])
  const volumes = assess(survey)

  it('warns of a password for everyone, and of two writers', () => {
    const warnings = warningsOf(survey, volumes)
    expect(warnings[0]).toMatch(/password of dvp .*docker plugin inspect nutanix:latest/)
    expect(warnings[1]).toMatch(/2 hosts .*"pg" \(this host, .*there\)/)
  })

  it('goes in order, with the settings there were, and without the password', () => {
    const steps = stepsOf(survey, volumes, 'nutanix')
    const at = (text: string): number => steps.findIndex((step) => step.startsWith(text))
    const order = [
      'docker stop web',
      'docker plugin disable',
      'docker plugin rm',
      'acs plugin install --name nutanix',
      'in /etc/acs/plugin.yaml, for new volumes: defaults: { container: "ctr" }',
      'acs migrate dvp (',
      'docker start web',
    ]
    expect(order.map(at)).toEqual([...order.map(at)].sort((a, b) => a - b))
    expect(at('docker stop web')).toBe(0)
    expect(steps.join()).not.toContain('PRISM_PASSWORD')
  })

  it('knows that Swarm starts what is only stopped', () => {
    const task = { ...running, name: 'shop_web.1.0123456789abcdefghijklmno' }
    const steps = stepsOf(survey, [{ ...volumes[0]!, containers: [task] }], 'nutanix')
    expect(steps[0]).toBe('docker service scale shop_web=0')
    expect(steps.join()).not.toContain('docker stop')
  })

  it.each(['ntnx/nutanix_volume_plugin:latest', 'nutanix:1.4'])(
    'takes a managed plugin where Docker knows %s',
    (name) => {
      const plugin = findOldPlugin([{ ...oldPlugin, name }])!
      const other: Survey = {
        ...survey,
        docker: {
          reachable: true,
          oldPlugin: plugin,
          driverNames: oldDriverNames('nutanix', plugin),
          volumes: [{ name: 'pg', driver: name }],
          mounts: [],
        },
      }
      const steps = stepsOf(other, assess(other), 'nutanix')
      expect(steps.join()).toContain('docker plugin create')
      expect(steps.join()).toContain('PRISM_IP=192.0.2.1 PRISM_USERNAME=dvp DEFAULT_CONTAINER=ctr ACS_FINGERPRINT')
      expect(steps.join()).not.toContain('PRISM_PASSWORD')
    },
  )

  it('takes the service where Docker knows the bare name', () => {
    const bare = seen([attached], [['pg', 'nutanix']])
    expect(stepsOf(bare, assess(bare), 'nutanix').join()).toContain('acs plugin install --name nutanix')
  })
})

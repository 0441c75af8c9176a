import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { parseContainersConf } from '../../../../src/lib/doctor/containers-conf.js'
import { clusterFieldsSchema } from '../../../../src/lib/config/schema.js'
import { pluginConfigSchema } from '../../../../src/lib/plugin/config.js'
import { pluginSettings } from '../../../../src/lib/plugin/settings.js'
import { configYaml, pluginYaml, podmanConf } from '../../../../src/lib/plugin/install/templates.js'

/** The template with every setting switched on: `#key` is a setting, `# text` a comment. */
function switchedOn(template: string): unknown {
  return parse(template.replace(/^#(?!\s\S)/gm, ''))
}

describe('the template of plugin.yaml', () => {
  it('is empty as it is written, and so all defaults', () => {
    expect(parse(pluginYaml)).toBeNull()
  })

  it('is read by the plugin with every setting switched on', () => {
    expect(v.safeParse(pluginConfigSchema, switchedOn(pluginYaml)).issues).toBeUndefined()
  })

  it('mentions every setting there is', () => {
    const shown = switchedOn(pluginYaml)
    expect(missing(pluginConfigSchema, shown)).toEqual([])
  })

  it('shows the defaults, where there are any', () => {
    const shown = pluginSettings(v.parse(pluginConfigSchema, switchedOn(pluginYaml)))
    const defaults = pluginSettings({})
    for (const key of [
      'mountFolder',
      'lingerMs',
      'takeOver',
      'show',
      'keepTrashMs',
      'dockerSocket',
      'logLevel',
    ] as const)
      expect(shown[key], key).toEqual(defaults[key])
    expect(shown.peer.listen).toBe(defaults.peer.listen)
  })
})

describe('the template of config.yaml', () => {
  it('is empty without a connection, and mentions every setting', () => {
    expect(parse(configYaml())).toBeNull()
    const shown = switchedOn(configYaml())
    expect(v.safeParse(clusterFieldsSchema, shown).issues).toBeUndefined()
    expect(missing(clusterFieldsSchema, shown)).toEqual([])
  })

  it('holds the connection, quoted, and where the password will be', () => {
    const text = configYaml({ endpoint: 'https://[fd00::5]:9440', username: 'docker: "x" # y', fingerprint: 'AA:BB' })
    expect(v.parse(clusterFieldsSchema, parse(text))).toEqual({
      endpoint: 'https://[fd00::5]:9440',
      username: 'docker: "x" # y',
      fingerprint: 'AA:BB',
      credential: { source: 'file', path: '/etc/acs/password' },
    })
  })
})

it("Podman's drop-in has both settings", () => {
  expect(parseContainersConf(podmanConf('a.b'))).toEqual({
    timeout: 120,
    plugins: { 'a.b': '/run/docker/plugins/a.b.sock' },
  })
})

/** Paths of settings of a schema that a value does not show. Records are shown by an example. */
function missing(schema: v.GenericSchema, value: unknown, path = ''): string[] {
  const inner = unwrap(schema)
  if ('entries' in inner) {
    const entries = inner.entries as Record<string, v.GenericSchema>
    const object = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>
    return Object.entries(entries).flatMap(([key, entry]) =>
      key in object ? missing(entry, object[key], `${path}.${key}`) : [`${path}.${key}`],
    )
  }
  if (inner.type === 'record' && 'value' in inner) {
    const [example] = Object.entries((value ?? {}) as Record<string, unknown>)
    return example ? missing(inner.value as v.GenericSchema, example[1], `${path}.${example[0]}`) : [`${path}.*`]
  }
  return []
}

function unwrap(schema: v.GenericSchema): v.GenericSchema & { type: string } {
  return 'wrapped' in schema ? unwrap(schema.wrapped as v.GenericSchema) : schema
}

import { describe, expect, it } from 'vitest'
import { specsPresent } from '../specs.js'
import { createContract } from './prism-models.js'

const route = 'GET v2.0 /volume_groups/{uuid}'
const group = {
  uuid: 'fb3c8287-0064-4f22-bc0c-8f3a09b1872a',
  name: 'one',
  logical_timestamp: 1,
  disk_list: [],
  iscsi_target: 'one',
  attachment_list: [],
  usage_type: 'UNKNOWN',
  is_shared: false,
}

function judge(body: unknown, status = 200): string[] {
  const contract = createContract()
  contract.onResponse({ method: 'GET', path: '/volume_groups/x', route, status, body })
  return contract.problems
}

describe.skipIf(!specsPresent())('the judge of answers', () => {
  it('accepts what was recorded', () => {
    expect(judge(group)).toEqual([])
  })

  it.each([
    ['a field nobody knows', { ...group, colour: 'red' }, 'colour is unknown'],
    ['a wrong type', { ...group, logical_timestamp: '1' }, 'should be integer'],
    ['a null where fields are omitted', { ...group, description: null }, 'description is null'],
    ['a missing field that was always there', { ...group, attachment_list: undefined }, 'attachment_list'],
    ['an enum nobody knows', { ...group, usage_type: 'MAGIC' }, 'is none of'],
    ['a nested stranger', { ...group, disk_list: [{ index: 0, nested: 1 }] }, 'nested is unknown'],
  ])('refuses %s', (_what, body, expected) => {
    expect(judge(JSON.parse(JSON.stringify(body))).join('\n')).toContain(expected)
  })

  it('knows what a running machine always shows, and one that is off need not', () => {
    const vm = { uuid: group.uuid, name: 'one', power_state: 'off' }
    const judgeVm = (body: object): string => {
      const contract = createContract()
      contract.onResponse({ method: 'GET', path: '/vms/x', route: 'GET v2.0 /vms/{uuid}', status: 200, body })
      return contract.problems.join('\n')
    }
    expect(judgeVm(vm)).toBe('')
    expect(judgeVm({ ...vm, power_state: 'on', vm_disk_info: [] })).toContain('host_uuid is missing')
    expect(judgeVm({ ...vm, power_state: 'exploded' })).toContain('is none of')
  })

  it('refuses an error that is not of the recorded shape', () => {
    expect(judge({ error: 'no' }, 500)).toHaveLength(1)
    expect(judge({ message: 'm', detailed_message: 'd', error_code: { code: 1, help_url: 'u' } }, 500)).toEqual([])
  })
})

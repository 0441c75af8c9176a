import { describe, expect, it } from 'vitest'
import { checkFree, parseClusterSubnet } from '../../../../src/lib/sim/hypervisor/cluster-subnet.js'

describe('the subnet of a cluster whose machines boot', () => {
  it('gives its first address to the services, and the second to the hypervisor', () => {
    expect(parseClusterSubnet('10.1.2.128/25')).toMatchObject({ services: '10.1.2.129', hypervisor: '10.1.2.130' })
    expect(parseClusterSubnet()).toMatchObject({ networkAddress: '10.38.0.0', prefixLength: 24 })
  })

  it.each(['10.1.2.1/24', '10.1.2.0/26', '10.1.2.0', '10.1.2.0/x', 'fd00::/64', ''])('is not %s', (text) => {
    expect(() => parseClusterSubnet(text)).toThrow(expect.objectContaining({ code: 'EACSSUBNET', kind: 'usage' }))
  })

  it('is not one in which this machine has an address already', () => {
    expect(() => checkFree(parseClusterSubnet('127.0.0.0/8'))).toThrow(
      expect.objectContaining({ code: 'EACSSUBNET', kind: 'conflict' }),
    )
    expect(() => checkFree(parseClusterSubnet('203.0.113.0/24'))).not.toThrow()
  })
})

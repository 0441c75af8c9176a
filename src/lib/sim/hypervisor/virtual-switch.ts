import { createHash } from 'node:crypto'
import { deadlineIn } from '../../base/deadline.js'
import type { Runner } from '../../host/host.js'

const withinMs = 30_000

/** An address with the length of its subnet's prefix. */
export interface InterfaceAddress {
  address: string
  prefixLength: number
}

/**
 * The cluster's switch: a network namespace of its own with one bridge for each VLAN. On each bridge hang the machines, the
 * DHCP server, and one end of a veth pair whose other end, on this machine, has the addresses of the network's router.
 * Nothing of it is in the way of the machine's own bridges and firewall, and one command removes it all. Needs root.
 */
export class VirtualSwitch {
  /** Of the network namespace, as `ip netns` shows it. */
  readonly namespace: string
  private readonly token: string
  private readonly bridges = new Map<number, Promise<void>>()

  constructor(
    private readonly run: Runner,
    /** Two simulators of one machine have different ones. */
    dataFolder: string,
  ) {
    this.token = createHash('sha256').update(dataFolder).digest('hex').slice(0, 6)
    this.namespace = `acs-${this.token}`
  }

  /** `again`: what a simulator that died has left is used, as machines may hang on it; else it is made anew. */
  async open(again: boolean): Promise<void> {
    const isThere = (await this.namespaces()).includes(this.namespace)
    if (isThere && !again) await this.close()
    if (isThere && again) return
    await this.ip('netns', 'add', this.namespace)
    await this.inside('link', 'set', 'lo', 'up')
  }

  /** The bridge of a VLAN, made at first use. */
  async bridge(vlanId: number): Promise<string> {
    const name = `br${vlanId}`
    let made = this.bridges.get(vlanId)
    if (!made) {
      made = this.makeBridge(name, vlanId)
      this.bridges.set(vlanId, made)
      made.catch(() => this.bridges.delete(vlanId))
    }
    await made
    return name
  }

  /** Makes this machine the one at an address of a VLAN: its router, and where its services are. */
  async becomeRouter(vlanId: number, { address, prefixLength }: InterfaceAddress): Promise<void> {
    await this.bridge(vlanId)
    await this.ip('address', 'replace', `${address}/${prefixLength}`, 'dev', this.hostSide(vlanId))
  }

  /** Gives the bridge an address inside: the DHCP server's. */
  async addAddress(vlanId: number, { address, prefixLength }: InterfaceAddress): Promise<void> {
    const bridge = await this.bridge(vlanId)
    await this.inside('address', 'replace', `${address}/${prefixLength}`, 'dev', bridge)
  }

  /** The device a machine's interface is plugged into; one that is there stays. */
  async addTap(nicUuid: string, vlanId: number): Promise<string> {
    const name = tapName(nicUuid)
    const bridge = await this.bridge(vlanId)
    if (!(await this.links()).includes(name)) await this.inside('tuntap', 'add', 'dev', name, 'mode', 'tap')
    await this.inside('link', 'set', name, 'master', bridge, 'up')
    return name
  }

  async removeTap(nicUuid: string): Promise<void> {
    const name = tapName(nicUuid)
    if ((await this.links()).includes(name)) await this.inside('link', 'delete', name)
  }

  /** Plugs a cable out or in. */
  async setTap(nicUuid: string, isUp: boolean): Promise<void> {
    await this.inside('link', 'set', tapName(nicUuid), isUp ? 'up' : 'down')
  }

  /** Words before a command that is to run in the namespace. Mounts stay those of this machine, unlike with `ip netns exec`. */
  get enter(): string[] {
    return ['nsenter', `--net=/run/netns/${this.namespace}`]
  }

  async close(): Promise<void> {
    // They would go with the namespace, but some time after it.
    const { stdout } = await this.ip('-brief', 'link')
    for (const name of namesIn(stdout)) if (name.startsWith(this.hostSide(''))) await this.ip('link', 'delete', name)
    if ((await this.namespaces()).includes(this.namespace)) await this.ip('netns', 'delete', this.namespace)
    this.bridges.clear()
  }

  private async makeBridge(name: string, vlanId: number): Promise<void> {
    if (!(await this.links()).includes(name))
      await this.inside('link', 'add', name, 'type', 'bridge', 'stp_state', '0', 'forward_delay', '0')
    await this.inside('link', 'set', name, 'up')
    const host = this.hostSide(vlanId)
    const uplink = `up${vlanId}`
    if (!(await this.links()).includes(uplink))
      await this.ip('link', 'add', host, 'type', 'veth', 'peer', 'name', uplink, 'netns', this.namespace)
    await this.inside('link', 'set', uplink, 'master', name, 'up')
    await this.ip('link', 'set', host, 'up')
  }

  private hostSide(vlanId: number | ''): string {
    return `acs${this.token}v${vlanId}`
  }

  private async namespaces(): Promise<string[]> {
    const { stdout } = await this.ip('netns', 'list')
    return stdout.split('\n').map((line) => line.split(' ')[0] ?? '')
  }

  private async links(): Promise<string[]> {
    const { stdout } = await this.inside('-brief', 'link')
    return namesIn(stdout)
  }

  private inside(...argv: string[]): Promise<{ stdout: string }> {
    return this.ip('-netns', this.namespace, ...argv)
  }

  private ip(...argv: string[]): Promise<{ stdout: string }> {
    return this.run.run('ip', argv, { deadline: deadlineIn(withinMs) })
  }
}

/** Of devices, in the brief form of `ip link`. */
function namesIn(listing: string): string[] {
  return listing.split('\n').map((line) => line.split(/[ @]/)[0] ?? '')
}

function tapName(nicUuid: string): string {
  return `tap${nicUuid.replaceAll('-', '').slice(0, 12)}`
}

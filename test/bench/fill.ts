import { readFileSync } from 'node:fs'
import { connectPrism } from '../../src/lib/prism/connect.js'
import type { BenchCluster } from './cluster.js'

/** Makes that many volume groups of 1 GiB, `bench-00000` and so on, all with one description. */
export async function fill(
  cluster: BenchCluster,
  { groups, description }: { groups: number; description: string },
): Promise<void> {
  const { ACS_ENDPOINT: endpoint, ACS_USERNAME: username, ACS_PASSWORD_FILE: file, ACS_CA_FILE: ca } = cluster.env
  if (!endpoint || !username || !file || !ca) throw new Error('acs sim env left something out')
  const prism = connectPrism({
    endpoint,
    username,
    password: () => Promise.resolve(readFileSync(file, 'utf8').trim()),
    ca: readFileSync(ca, 'utf8'),
    userAgent: 'acs-bench',
  })
  const [container] = (await prism.storageContainers()).filter((candidate) => !candidate.internal)
  if (!container) throw new Error('no storage container')
  const names = Array.from({ length: groups }, (_, index) => fillName(index))
  const worker = async (): Promise<void> => {
    for (let name = names.pop(); name !== undefined; name = names.pop())
      await prism.createVolumeGroup({
        name,
        description,
        disks: [{ sizeBytes: 1024 ** 3, storageContainerUuid: container.uuid }],
      })
  }
  await Promise.all(Array.from({ length: 8 }, worker))
  await prism.close()
}

export function fillName(index: number): string {
  return `bench-${String(index).padStart(5, '0')}`
}

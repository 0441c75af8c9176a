// The commands of the program, found in src/commands.
import { readdirSync } from 'node:fs'
import { dirname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = join(dirname(fileURLToPath(import.meta.url)), '..')

/** `src/commands/volume/list.ts` is `volume:list`; an index.ts is its folder's name. Sorted by id. */
export function commandFiles() {
  const folder = join(root, 'src', 'commands')
  return readdirSync(folder, { recursive: true })
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))
    .map((path) => ({
      id: path
        .replace(/\.ts$/, '')
        .split(sep)
        .filter((word) => word !== 'index')
        .join(':'),
      path: `src/commands/${path.split(sep).join('/')}`,
    }))
    .sort((a, b) => (a.id < b.id ? -1 : 1))
}

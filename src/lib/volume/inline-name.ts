import { printable } from './names.js'
import { badOption } from './options.js'

export interface InlineName {
  /** The volume's name. */
  name: string
  /** Key and value, in the order they are written; a key alone has an empty value. */
  options: [key: string, value: string][]
}

/**
 * Takes `db,size=20G,fs=xfs` apart, the way to give options to a plain `docker run -v db,size=20G:/data`: volume `db`
 * and its options. A comma always separates, as no volume group has one in its name (Prism's own rule); so several mount
 * options are separated by spaces here. A key alone is a switch: `db,read-only`. Throws EACSDRIVEROPTION (usage) when an
 * option is empty. Whether name and options are good is not decided here.
 *
 * **What this asks of a driver.** dockerd takes the whole text for the volume's name: it is in its database, in
 * `docker volume ls`, and Get, Path, Mount, Unmount and Remove are called with it. So a driver
 *
 * - maps every spelled name that it is called with to the canonical one, the text before the first comma
 *   (`canonicalName`), and works with that; nothing else may tell two spellings of one volume apart, locks and references least;
 * - answers a Get under exactly the name it was asked for: dockerd forgets what Get does not confirm;
 * - lists a volume under the names that Docker on this host has used, as it protects what stopped containers use by these
 *   (docs/decisions/0012-names-in-docker.md);
 * - counts options in Create only. In every other call they are not even read: `db,size=20G` goes on to work after the
 *   volume was grown to 40G, and after an administrator forbade that size. In a Create of a volume that is there they
 *   must not contradict it (`ensureVolume`);
 * - removes the volume with the last of these names. Another host's `docker volume rm db` knows none of them, and removes it.
 */
export function splitInlineName(spelled: string): InlineName {
  const [name = '', ...parts] = spelled.split(',')
  return {
    name,
    options: parts.map((part) => {
      const equals = part.indexOf('=')
      const [key, value] = equals < 0 ? [part, ''] : [part.slice(0, equals), part.slice(equals + 1)]
      if (key.trim() === '')
        throw badOption(`an option in the name "${printable(spelled.slice(0, 80))}" is empty`, [
          'Write it like db,size=20G,fs=xfs',
        ])
      return [key.trim(), value]
    }),
  }
}

/** The volume's own name in a spelled one: `db` of `db,size=20G`. For every call but Create; throws never. */
export function canonicalName(spelled: string): string {
  return spelled.split(',', 1)[0] ?? ''
}

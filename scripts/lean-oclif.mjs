// What acs does not use of @oclif/core, left out of the bundle because it costs time at every start.
import { readFile } from 'node:fs/promises'

/** Each edit must find its text: a new version of oclif that moved it breaks the build, not the start-up time. */
const edits = []

/** @type {import('esbuild').Plugin} */
export const leanOclif = {
  name: 'lean-oclif',
  setup(build) {
    build.onLoad({ filter: /@oclif\/core\/lib\/.*\.js$/ }, async ({ path }) => {
      let contents = await readFile(path, 'utf8')
      for (const { file, find, replace } of edits) {
        if (!path.endsWith(file)) continue
        if (!contents.includes(find)) throw new Error(`${path}: the text to replace is not there: ${find}`)
        contents = contents.replace(find, replace)
      }
      return { contents, loader: 'js' }
    })
  },
}

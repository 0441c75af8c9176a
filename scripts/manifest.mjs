// Writes what is generated and committed: oclif.manifest.json, the snapshot of commands and flags, and the README's table.
import { writeFileSync } from 'node:fs'
import { generated } from './generated.mjs'

for (const { path, content } of await generated()) writeFileSync(path, content)

// Draws what a command prints as an SVG of a terminal: node scripts/terminal-picture.mjs OUT.svg COMMAND [ARG...]
// Colours are the eight of ANSI. Temp paths are shortened so that the picture does not change from run to run.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'

const [out, command, ...args] = process.argv.slice(2)
if (!out || !command) {
  console.error('usage: terminal-picture.mjs OUT.svg COMMAND [ARG...]')
  process.exit(2)
}

const columns = 110
const lineHeight = 18
const charWidth = 8.4
const colours = {
  31: '#f38ba8',
  32: '#a6e3a1',
  33: '#f9e2af',
  34: '#89b4fa',
  35: '#cba6f7',
  36: '#94e2d5',
  90: '#7f849c',
}

const result = spawnSync(command, args, {
  encoding: 'utf8',
  env: { ...process.env, FORCE_COLOR: '1', COLUMNS: String(columns) },
})
if (result.status !== 0) {
  console.error(result.stderr)
  process.exit(1)
}
const text = result.stdout.replace(/\/tmp\/acs-demo\.\w+/g, '/srv').trimEnd()
const lines = text.split('\n').flatMap((line) => (visible(line).length > columns ? [cut(line)] : [line]))

const width = Math.round(columns * charWidth + 32)
const height = lines.length * lineHeight + 56
writeFileSync(
  out,
  [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    `<rect width="100%" height="100%" rx="8" fill="#1e1e2e"/>`,
    ...['#f38ba8', '#f9e2af', '#a6e3a1'].map(
      (fill, index) => `<circle cx="${20 + index * 18}" cy="18" r="6" fill="${fill}"/>`,
    ),
    `<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="14" fill="#cdd6f4" xml:space="preserve">`,
    ...lines.map((line, index) => `<text x="16" y="${52 + index * lineHeight}">${spans(line)}</text>`),
    '</g>',
    '</svg>',
    '',
  ].join('\n'),
)
console.log(`${out}: ${lines.length} lines`)

function visible(line) {
  // eslint-disable-next-line no-control-regex -- ANSI escapes are control characters
  return line.replace(/\u001b\[[0-9;]*m/g, '')
}

function cut(line) {
  return `${visible(line).slice(0, columns - 1)}…`
}

function spans(line) {
  let style = ''
  return (
    line
      // eslint-disable-next-line no-control-regex -- ANSI escapes are control characters
      .split(/(\u001b\[[0-9;]*m)/)
      .map((part) => {
        // eslint-disable-next-line no-control-regex -- ANSI escapes are control characters
        const escape = /^\u001b\[([0-9;]*)m$/.exec(part)
        if (!escape)
          return part === ''
            ? ''
            : `<tspan${style}>${part.replace(/[&<>]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[c])}</tspan>`
        style = styleOf(escape[1].split(';'))
        return ''
      })
      .join('')
  )
}

function styleOf(codes) {
  if (codes.includes('1')) return ' font-weight="bold"'
  if (codes.includes('2')) return ' fill="#7f849c"'
  const colour = codes.map((code) => colours[code]).find(Boolean)
  return colour ? ` fill="${colour}"` : ''
}

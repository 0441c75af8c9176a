import { formatDuration } from '../../base/durations.js'
import { printable } from '../../base/printable.js'
import type { Activity, CallActivity, PluginActivity } from '../../volume/activity.js'
import { bytes, count, isTroubled, sortVolumes, topColumns } from './columns.js'
import { cut, layOut } from './layout.js'

/** How a frame is to look. */
export interface FrameView {
  /** Columns and lines of the terminal; Infinity where the output is none. */
  width: number
  height: number
  sort: string
  reversed: boolean
  /** Rows of the table that are scrolled away. */
  offset: number
  /** What the last line says: keys, for the live view. */
  footer?: string
  /** What went wrong with the last look, so that this is an older one. */
  stale?: string | undefined
}

export interface FrameTools {
  widthOf: (text: string) => number
  /** Colours, or not. */
  paint: (name: 'bold' | 'dim' | 'red' | 'yellow' | 'green', text: string) => string
}

export interface Frame {
  lines: string[]
  /** Rows of the table that fit. */
  visible: number
}

const mostCalls = 8
const mostProblems = 3

/** One frame of `acs top`, at most `height` lines of at most `width` columns. Pure: what is shown is what was given. */
export function renderFrame(activity: Activity, view: FrameView, tools: FrameTools): Frame {
  const { width, height } = view
  const { widthOf, paint } = tools
  const nowMs = Date.parse(activity.at)
  const line = (text: string): string => cut(printable(text), width, widthOf)
  const head = [
    paint('bold', line(titleText(activity))),
    ...(activity.plugin
      ? pluginLines(activity.plugin, nowMs)
      : ['no volume plugin runs here; shown is what is attached']
    ).map(line),
    line(sumText(activity)),
    ...[...(view.stale === undefined ? [] : [view.stale]), ...activity.problems.slice(0, mostProblems)].map((text) =>
      paint('red', line(`! ${text}`)),
    ),
    '',
  ]
  const calls = callLines(activity.calls, nowMs).map(line)
  const tail = [
    ...(calls.length > 0 ? ['', ...calls] : []),
    ...(view.footer === undefined ? [] : [paint('dim', line(view.footer))]),
  ]
  const visible = Math.max(1, height - head.length - 1 - tail.length)
  const volumes = sortVolumes(activity.volumes, view.sort, view.reversed)
  const offset = Math.max(0, Math.min(view.offset, volumes.length - visible))
  const shown = Number.isFinite(visible) ? volumes.slice(offset, offset + visible) : volumes
  // By all of them: scrolling must not move the columns.
  const table = layOut(
    topColumns.map((column) => ({
      ...column,
      header:
        column.header.toUpperCase() +
        (column.key === view.sort && view.footer !== undefined ? (view.reversed ? '^' : '*') : ''),
      cells: volumes.map((volume) => printable(column.text(volume, nowMs))),
    })),
    width,
    widthOf,
  )
  const rows = shown.map((volume, index) => {
    const row = table.rows[offset + index] ?? ''
    return isTroubled(volume) ? paint('red', row) : volume.state === 'mounted' ? row : paint('dim', row)
  })
  const empty = volumes.length === 0 ? ['no volume is in use here'] : []
  const body = [paint('bold', table.header), ...rows, ...empty]
  const blanks =
    view.footer === undefined || !Number.isFinite(height) ? 0 : height - head.length - body.length - tail.length
  const lines = [...head, ...body, ...Array.from({ length: Math.max(0, blanks) }, () => ''), ...tail]
  return { lines: Number.isFinite(height) ? lines.slice(0, height) : lines, visible }
}

function titleText({ at, hostName, volumes }: Activity): string {
  const time = new Date(at).toTimeString().slice(0, 8)
  return `acs top - ${hostName}  ${time}  ${volumes.length} volume${volumes.length === 1 ? '' : 's'} in use`
}

function pluginLines(plugin: PluginActivity, nowMs: number): string[] {
  const { name, version, state, pid, since, cluster, knownVolumes, listRefreshedAt } = plugin
  const age = (time: string | null): string =>
    time === null ? 'never' : `${formatDuration(Math.max(0, Math.round((nowMs - Date.parse(time)) / 1000) * 1000))} ago`
  const lines = [`plugin ${name} ${state}, acs ${version}, pid ${pid}, started ${age(since)}`]
  if (cluster)
    lines.push(
      `cluster ${cluster.endpoint ?? '-'} ${cluster.state.replace('-', ' ')}, heard ${age(cluster.answeredAt)}; ${knownVolumes ?? 0} volumes known, list read ${age(listRefreshedAt)}`,
    )
  return lines
}

function sumText({ plugin, volumes, calls }: Activity): string {
  const sum = (of: (rates: NonNullable<Activity['volumes'][number]['rates']>) => number): number =>
    volumes.reduce((all, { rates }) => all + (rates ? of(rates) : 0), 0)
  const disks = `disks read ${bytes(sum((rates) => rates.readBytesPerSecond))}/s, write ${bytes(sum((rates) => rates.writtenBytesPerSecond))}/s, ${count(sum((rates) => rates.readsPerSecond + rates.writesPerSecond))} IOPS`
  if (!plugin) return disks
  const { callsPerSecond, callsFailed } = plugin
  return `calls ${callsPerSecond === null ? '-' : count(callsPerSecond)}/s, ${calls.length} at work, ${callsFailed} failed; ${disks}`
}

function callLines(calls: readonly CallActivity[], nowMs: number): string[] {
  const lines = calls.slice(0, mostCalls).map(({ call, volume, step, since }) => {
    const age = Math.max(0, (nowMs - Date.parse(since)) / 1000)
    return `${call.padEnd(12)} ${(volume ?? '').padEnd(20)} ${age.toFixed(1)} s${step === null ? '' : `, at ${step}`}`
  })
  if (calls.length > mostCalls) lines.push(`and ${calls.length - mostCalls} more calls`)
  return lines.length === 0 ? [] : ['CALLS AT WORK', ...lines]
}

import { wake } from '../../base/deadline.js'
import { messageOf } from '../../base/errors.js'
import type { Activity } from '../../volume/activity.js'
import { topColumns } from './columns.js'
import { renderFrame, type FrameTools, type FrameView } from './frame.js'
import { openScreen } from './screen.js'

export interface LiveOptions {
  look: () => Promise<Activity>
  intervalMs: number
  sort: string
  /** Ends it. */
  signal: AbortSignal
  tools: FrameTools
}

const footer = "q quit   sort by a column's first letter, again reverses   arrows scroll"

/**
 * Shows what `look` sees again and again, until somebody wants it to end; the terminal is then as it was. Rejects with what
 * the first look throws; later ones are shown.
 */
export async function runLive({ look, intervalMs, sort, signal, tools }: LiveOptions): Promise<void> {
  let activity = await look()
  let view: Omit<FrameView, 'width' | 'height'> = { sort, reversed: false, offset: 0, footer }
  let visible = 1
  const ended = new AbortController()
  const end = (): void => ended.abort()
  signal.addEventListener('abort', end, { once: true })

  const draw = (): void => {
    const frame = renderFrame(activity, { ...view, ...screen.size() }, tools)
    visible = frame.visible
    screen.draw(frame.lines)
  }
  const onKey = (key: string): void => {
    if (['q', 'Q', 'ctrl-c', 'ctrl-d'].includes(key)) {
      end()
      return
    }
    view = { ...view, ...afterKey(key, view, { visible, rows: activity.volumes.length }) }
    draw()
  }
  const screen = openScreen(process.stdout, process.stdin, { onKey, onResize: draw, onGone: end })
  try {
    if (signal.aborted) end()
    draw()
    for (;;) {
      await wake(intervalMs, ended.signal)
      // A look that takes long must not keep anybody who wants to leave.
      const seen = await Promise.race([look().catch((error: unknown) => ({ error })), untilAborted(ended.signal)])
      if (seen === undefined) break
      const failed = 'error' in seen
      if (!failed) activity = seen
      view = { ...view, stale: failed ? messageOf(seen.error) : undefined }
      draw()
    }
  } finally {
    signal.removeEventListener('abort', end)
    screen.close()
  }
}

function afterKey(
  key: string,
  { sort, reversed, offset }: Pick<FrameView, 'sort' | 'reversed' | 'offset'>,
  { visible, rows }: { visible: number; rows: number },
): Partial<FrameView> {
  const column = topColumns.find(({ hotkey }) => hotkey === key)
  if (column) return { sort: column.key, reversed: column.key === sort && !reversed, offset: 0 }
  const last = Math.max(0, rows - visible)
  const moves: Readonly<Record<string, number>> = {
    up: offset - 1,
    k: offset - 1,
    down: offset + 1,
    j: offset + 1,
    'page-up': offset - visible,
    'page-down': offset + visible,
    home: 0,
    end: last,
  }
  return { offset: Math.max(0, Math.min(last, moves[key] ?? offset)) }
}

function untilAborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined)
    else signal.addEventListener('abort', () => resolve(undefined), { once: true })
  })
}

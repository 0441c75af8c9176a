/** Values of a metric's labels, by their names. */
export type Labels = Readonly<Record<string, string>>
export type Sample = readonly [labels: Labels, value: number]

/** What is counted and measured, in Prometheus' text format 0.0.4. */
export interface MetricsRegistry {
  /** Only ever grows. */
  counter(name: string, help: string): (labels?: Labels, by?: number) => void
  /** Read when it is asked for; undefined is left out. A name given again replaces what it read before. */
  gauge(name: string, help: string, read: () => GaugeValue | Promise<GaugeValue>): void
  /** @param bounds upper bounds of the buckets, ascending, without infinity. */
  histogram(name: string, help: string, bounds: readonly number[]): (labels: Labels, value: number) => void
  /** Everything, as of now. A gauge that cannot be read is left out. */
  text(): Promise<string>
}

export type GaugeValue = number | readonly Sample[] | undefined

interface Family {
  type: 'counter' | 'gauge' | 'histogram'
  help: string
  samples(): Promise<readonly { suffix: string; labels: Labels; value: number }[]>
}

export function createMetrics(): MetricsRegistry {
  const families = new Map<string, Family>()

  return {
    counter(name, help) {
      const series = createSeries(() => ({ value: 0 }))
      const samples = (): ReturnType<Family['samples']> =>
        Promise.resolve(series.all().map(([labels, { value }]) => ({ suffix: '', labels, value })))
      families.set(name, { type: 'counter', help, samples })
      return (labels = {}, by = 1) => {
        series.of(labels).value += by
      }
    },

    gauge(name, help, read) {
      families.set(name, {
        type: 'gauge',
        help,
        async samples() {
          const value = await read()
          const all: readonly Sample[] = value === undefined ? [] : typeof value === 'number' ? [[{}, value]] : value
          return all.map(([labels, one]) => ({ suffix: '', labels, value: one }))
        },
      })
    },

    histogram(name, help, bounds) {
      const series = createSeries(() => ({ counts: bounds.map(() => 0), count: 0, sum: 0 }))
      const samples = (): ReturnType<Family['samples']> =>
        Promise.resolve(
          series.all().flatMap(([labels, { counts, count, sum }]) => [
            ...bounds.map((bound, index) => ({
              suffix: '_bucket',
              labels: { ...labels, le: String(bound) },
              value: counts[index] ?? 0,
            })),
            { suffix: '_bucket', labels: { ...labels, le: '+Inf' }, value: count },
            { suffix: '_sum', labels, value: sum },
            { suffix: '_count', labels, value: count },
          ]),
        )
      families.set(name, { type: 'histogram', help, samples })
      return (labels, value) => {
        const one = series.of(labels)
        one.count += 1
        one.sum += value
        // Each bucket holds all that is at most its bound.
        for (const [index, bound] of bounds.entries())
          if (value <= bound) one.counts[index] = (one.counts[index] ?? 0) + 1
      }
    },

    async text() {
      const texts = await Promise.all([...families].map(([name, family]) => familyText(name, family)))
      return texts.join('')
    },
  }
}

/** One value for each set of labels. */
function createSeries<T>(make: () => T): { of(labels: Labels): T; all(): (readonly [Labels, T])[] } {
  const values = new Map<string, readonly [Labels, T]>()
  return {
    of(labels) {
      const key = labelText(labels)
      const known = values.get(key)
      if (known) return known[1]
      const made = make()
      values.set(key, [labels, made])
      return made
    },
    all: () => [...values.values()],
  }
}

async function familyText(name: string, { type, help, ...family }: Family): Promise<string> {
  try {
    const lines = (await family.samples()).map(
      ({ suffix, labels, value }) => `${name}${suffix}${labelText(labels)} ${numberText(value)}\n`,
    )
    const head = `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n# TYPE ${name} ${type}\n`
    return head + lines.join('')
  } catch {
    return ''
  }
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

/** Prometheus spells infinity its own way. */
function numberText(value: number): string {
  return value === Infinity ? '+Inf' : value === -Infinity ? '-Inf' : String(value)
}

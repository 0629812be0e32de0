/** The median of some numbers. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** Describes a job in words. */
export function describe({ title, rows, cols, classes, kernel, C, grid, cv, testRows }) {
  const set = `${title}: ${rows.toLocaleString('en')} x ${cols}, ${classes} classes`
  if (grid) {
    const candidates = Object.values(grid).reduce((count, values) => count * values.length, 1)
    return `${set}, ${candidates} candidates x ${cv} folds`
  }
  return `${set}, ${kernel}, C = ${C}; predict ${testRows.toLocaleString('en')}`
}

/**
 * Formats the results of one job as a table: times, and their ratios to the times of softmargin with relaxed SIMD
 * (`/ relaxed`) and without it (`/ strict`).
 *
 * @param results `[{ name, fit, predict?, accuracy?, supportVectors?, failed? }]`, where times are medians
 */
export function table(results) {
  const softmargin = (simd) => results.find(({ name, failed }) => name === `softmargin ${simd}` && !failed)
  const ratio = (result, task, simd) => {
    const [time, reference] = [result[task], softmargin(simd)?.[task]]
    return time === undefined || reference === undefined ? '' : `${(time / reference).toPrecision(3)}x`
  }
  const header = [
    '',
    'fit',
    '/ relaxed',
    '/ strict',
    'predict',
    '/ relaxed',
    '/ strict',
    'accuracy',
    'vectors',
  ]
  const lines = results.map((result) =>
    result.failed
      ? [result.name, result.failed]
      : [
          result.name,
          seconds(result.fit),
          ratio(result, 'fit', 'relaxed'),
          ratio(result, 'fit', 'strict'),
          seconds(result.predict),
          ratio(result, 'predict', 'relaxed'),
          ratio(result, 'predict', 'strict'),
          result.accuracy?.toFixed(4) ?? '',
          String(result.supportVectors ?? ''),
        ],
  )
  const complete = [header, ...lines.filter((line) => line.length === header.length)]
  const widths = header.map((_, i) => Math.max(...complete.map((line) => line[i].length)))
  const nameWidth = Math.max(...lines.map(([name]) => name.length))
  const pad = (text, i) => (i === 0 ? text.padEnd(nameWidth) : text.padStart(widths[i] ?? 0))
  return [header, ...lines].map((line) => `  ${line.map(pad).join('  ').trimEnd()}`).join('\n')
}

function seconds(time) {
  if (time === undefined) return ''
  return time < 1 ? `${(time * 1000).toPrecision(3)} ms` : `${time.toPrecision(3)} s`
}

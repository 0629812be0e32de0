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
 * Formats the results of one job as a table: times, and ratios to the times of softmargin.
 *
 * @param answers `[{ name, fit, predict?, accuracy?, supportVectors?, failed? }]`, where times are medians
 */
export function table(answers) {
  const ours = (simd) => answers.find(({ name, failed }) => name === `softmargin ${simd}` && !failed)
  const ratio = (answer, task, simd) => {
    const [theirs, own] = [answer[task], ours(simd)?.[task]]
    return theirs === undefined || own === undefined ? '' : `${(theirs / own).toPrecision(3)}x`
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
  const lines = answers.map((answer) =>
    answer.failed
      ? [answer.name, answer.failed]
      : [
          answer.name,
          seconds(answer.fit),
          ratio(answer, 'fit', 'relaxed'),
          ratio(answer, 'fit', 'strict'),
          seconds(answer.predict),
          ratio(answer, 'predict', 'relaxed'),
          ratio(answer, 'predict', 'strict'),
          answer.accuracy?.toFixed(4) ?? '',
          String(answer.supportVectors ?? ''),
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

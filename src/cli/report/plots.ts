import { escapeHtml } from './html.ts'

/** A line of a plot. */
export interface Line {
  name: string
  x: readonly number[]
  y: readonly number[]
}

/** Colours that can be told apart on a light and on a dark page. */
const colours = [
  '#3b82f6',
  '#ef4444',
  '#10b981',
  '#f59e0b',
  '#8b5cf6',
  '#ec4899',
  '#14b8a6',
  '#a16207',
  '#64748b',
  '#84cc16',
]

const [side, left, bottom, top] = [320, 48, 44, 8]

/** A plot of lines between 0 and 1 on both axes, as an SVG element. @param dots whether to mark the points */
export function plot(lines: readonly Line[], axes: { x: string; y: string }, dots = false): string {
  const x = (value: number) => (left + value * side).toFixed(1)
  const y = (value: number) => (top + (1 - value) * side).toFixed(1)
  const ticks = [0, 0.25, 0.5, 0.75, 1]
  const legend = lines.length > 1 ? 20 * lines.length + 8 : 0
  const height = top + side + bottom + legend
  const parts = [
    ...ticks.flatMap((tick) => [
      `<line class="grid" x1="${x(tick)}" y1="${y(0)}" x2="${x(tick)}" y2="${y(1)}"/>`,
      `<line class="grid" x1="${x(0)}" y1="${y(tick)}" x2="${x(1)}" y2="${y(tick)}"/>`,
      `<text x="${x(tick)}" y="${top + side + 16}" text-anchor="middle">${tick}</text>`,
      `<text x="${left - 8}" y="${Number(y(tick)) + 4}" text-anchor="end">${tick}</text>`,
    ]),
    `<line class="even" x1="${x(0)}" y1="${y(0)}" x2="${x(1)}" y2="${y(1)}"/>`,
    `<text x="${x(0.5)}" y="${top + side + 36}" text-anchor="middle">${escapeHtml(axes.x)}</text>`,
    `<text transform="translate(12 ${y(0.5)}) rotate(-90)" text-anchor="middle">${escapeHtml(axes.y)}</text>`,
    ...lines.map((line, i) => {
      const colour = colours[i % colours.length]
      const points = line.x.map((value, at) => `${x(value)},${y(line.y[at])}`)
      const marks = dots
        ? points.map((point) => {
            const [cx, cy] = point.split(',')
            return `<circle cx="${cx}" cy="${cy}" r="4" fill="${colour}"/>`
          })
        : []
      return `<polyline fill="none" stroke="${colour}" stroke-width="2" points="${points.join(' ')}"/>${marks.join('')}`
    }),
    ...(legend === 0
      ? []
      : lines.map((line, i) => {
          const at = top + side + bottom + 20 * i + 12
          return `<rect x="${left}" y="${at - 10}" width="12" height="12" fill="${colours[i % colours.length]}"/><text x="${left + 20}" y="${at}">${escapeHtml(line.name)}</text>`
        })),
  ]
  return `<svg viewBox="0 0 ${left + side + 16} ${height}" role="img" aria-label="${escapeHtml(`${axes.y} by ${axes.x}`)}">\n${parts.join('\n')}\n</svg>`
}

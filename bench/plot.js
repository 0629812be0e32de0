const [width, height, margin] = [760, 480, 64]
const colours = ['#0b6e4f', '#46b280', '#c1440e', '#1f4e9c', '#8e44ad', '#7f7f7f']

/**
 * Time against rows, both on logarithmic axes, as an SVG.
 *
 * @param title what was measured
 * @param curves `[{ name, points: [{ rows, seconds }] }]`
 */
export function plot(title, curves) {
  const points = curves.flatMap((curve) => curve.points)
  const x = axis(
    points.map(({ rows }) => rows),
    margin,
    width - 170,
  )
  const y = axis(
    points.map(({ seconds }) => seconds),
    height - margin,
    margin,
  )
  const text = (left, top, words, anchor = 'start') =>
    `<text x="${left}" y="${top}" text-anchor="${anchor}">${words}</text>`
  const line = (x1, y1, x2, y2) => `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="#ddd"/>`
  const heading = `${title}: seconds to fit against rows, one thread`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="13">`,
    `<title>${heading}</title>`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    text(margin, 32, heading),
    ...x.ticks.map((n) => line(x.at(n), margin, x.at(n), height - margin)),
    ...y.ticks.map((s) => line(margin, y.at(s), width - 170, y.at(s))),
    ...x.ticks.map((n) => text(x.at(n), height - margin + 20, n.toLocaleString('en'), 'middle')),
    ...y.ticks.map((s) => text(margin - 8, y.at(s) + 4, `${s} s`, 'end')),
    ...curves.flatMap(({ name, points: own }, i) => {
      const colour = colours[i % colours.length]
      const places = own.map(({ rows, seconds }) => [x.at(rows), y.at(seconds)])
      const [endX, endY] = places.at(-1)
      return [
        `<polyline points="${places.map((place) => place.join(',')).join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`,
        ...places.map(([left, top]) => `<circle cx="${left}" cy="${top}" r="3.5" fill="${colour}"/>`),
        `<g fill="${colour}">${text(endX + 8, endY + 4, name)}</g>`,
      ]
    }),
    '</svg>\n',
  ].join('\n')
}

/** A logarithmic axis from one place to another, with a tick at 1, 2 and 5 of each power of ten. */
function axis(values, from, to) {
  const [low, high] = [Math.log(Math.min(...values)), Math.log(Math.max(...values))]
  const at = (value) => Math.round(from + ((Math.log(value) - low) / (high - low || 1)) * (to - from))
  const ticks = []
  for (let power = -6; power <= 7; power++) {
    for (const digit of [1, 2, 5]) {
      const tick = Number(`${digit}e${power}`)
      if (Math.log(tick) >= low - 1e-9 && Math.log(tick) <= high + 1e-9) ticks.push(tick)
    }
  }
  return { at, ticks }
}

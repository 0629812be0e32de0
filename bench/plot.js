import { spread } from './spread.js'

const WIDTH = 760
const HEIGHT = 480
const MARGINS = { marginLeft: 64, marginRight: 170, marginTop: 64, marginBottom: 56 }
/** Colours that are distinguishable on white and on black and with red-green colour blindness, after Okabe and Ito. */
const COLOURS = ['#2f86c9', '#d55e00', '#009e73', '#cc79a7', '#b58900', '#7f7f7f', '#56b4e9']
/** The SVG follows the reader's colour scheme and has its own background, independent of the page that shows it. */
const STYLE = `
  svg { color: #1f2328; }
  .ground { fill: #ffffff; }
  @media (prefers-color-scheme: dark) {
    svg { color: #e6edf3; }
    .ground { fill: #0d1117; }
  }
`

/**
 * Draws curves as an SVG with Observable Plot, which `npm ci --prefix bench` installs. Each curve has its name at its end.
 *
 * @param title the title of the plot
 * @param x,y options of the axes as Plot takes them, such as `{ label: 'rows', type: 'log', ticks: [1, 10] }`
 * @param curves `[{ name, points: [{ x, y }] }]`
 */
export async function plot(title, { x, y }, curves) {
  const [Plot, { parseHTML }] = await Promise.all([import('@observablehq/plot'), import('linkedom')])
  const points = curves.flatMap(({ name, points: own }) => own.map((point) => ({ ...point, name })))
  const colour = { domain: curves.map(({ name }) => name), range: COLOURS }
  const size = { width: WIDTH, height: HEIGHT, ...MARGINS }
  const grid = { stroke: 'currentColor', strokeOpacity: 0.15 }
  const { document } = parseHTML('<html><body></body></html>')
  const figure = (labels) =>
    Plot.plot({
      ...{ document, ...size, style: { fontSize: '13px', background: 'none' } },
      ...{ x: { labelAnchor: 'center', labelArrow: 'none', ...x }, y: { ...y, label: null }, color: colour },
      marks: [
        Plot.gridX({ ...grid, ticks: x.ticks }),
        Plot.gridY({ ...grid, ticks: y.ticks }),
        Plot.line(points, { x: 'x', y: 'y', stroke: 'name', strokeWidth: 2 }),
        Plot.dot(points, { x: 'x', y: 'y', fill: 'name', r: 3.5 }),
        ...labels.map(({ name, x, y, ...place }) =>
          Plot.text([{ x, y }], { x: 'x', y: 'y', text: () => name, fill: () => name, ...place }),
        ),
      ],
    })
  // The scales give the positions of the ends of the curves, and so how far their names must be moved apart.
  const scale = figure([]).scale('y')
  const ends = curves.map(({ name, points: own }) => ({ name, ...own.at(-1) }))
  const last = Math.max(...points.map((point) => point.x))
  // A curve that ends before the others has its name above its end, where the others do not cross it.
  const [early, late] = [ends.filter((end) => end.x < last), ends.filter((end) => end.x === last)]
  const wanted = late.map((end) => scale.apply(end.y))
  const placed = spread(wanted, 17)
  const svg = figure([
    ...early.map((end) => ({ ...end, dx: 0, dy: -14, textAnchor: 'end' })),
    ...late.map((end, i) => ({ ...end, dx: 8, dy: placed[i] - wanted[i], textAnchor: 'start' })),
  ])
  svg.removeAttribute('class')
  for (const style of svg.querySelectorAll('style')) style.remove()
  // A tenth of a pixel is precise enough.
  const tenths = (number) => String(Number(Number(number).toFixed(1)))
  const body = svg.innerHTML.replaceAll(/<[^>]+>/g, (tag) =>
    tag.replaceAll(/(?<!opacity=")\b\d+\.\d{2,}/g, tenths),
  )
  const head = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" fill="currentColor" font-family="system-ui, sans-serif" font-size="13" text-anchor="middle">`
  const heading = [
    `<g text-anchor="start"><text x="${MARGINS.marginLeft}" y="28" font-size="15" font-weight="600">${title}</text>`,
    `<text x="${MARGINS.marginLeft}" y="50" opacity="0.7">${y.label}</text></g>`,
  ].join('\n')
  return `${head}\n<title>${title}</title>\n<style>${STYLE}</style>\n<rect class="ground" width="${WIDTH}" height="${HEIGHT}"/>\n${heading}\n${body}\n</svg>\n`
}

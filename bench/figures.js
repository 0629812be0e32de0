import { plot } from './plot.js'

/** Plots the time of a fit against the number of rows, with one curve per program; `undefined` if there are no jobs. */
export async function timesOfFits(jobs) {
  const [series] = new Set(jobs.map((job) => job.series).filter(Boolean))
  if (!series) return undefined
  const inSeries = jobs.filter((job) => job.series === series)
  const peers = [...new Set(inSeries.flatMap(({ answers }) => answers.map(({ name }) => name)))]
  const curves = peers.map((peer) => ({
    name: peer,
    points: inSeries.flatMap(({ rows, answers }) => {
      const answer = answers.find(({ name, failed }) => name === peer && !failed)
      return answer ? [{ x: rows, y: answer.fit }] : []
    }),
  }))
  return plot(
    `${series}: time of a fit on one thread`,
    {
      x: { type: 'log', label: 'rows', ticks: inSeries.map(({ rows }) => rows), tickFormat: ',' },
      y: {
        type: 'log',
        label: 'seconds',
        domain: [0.001, 200],
        ticks: [0.001, 0.01, 0.1, 1, 10, 100],
        tickFormat: String,
      },
    },
    curves.filter(({ points }) => points.length > 0),
  )
}

/** Plots the accuracy against the number of pictures per class. */
export async function picturesAClass({ results }) {
  const curve = (name, key) => ({
    name,
    points: results.map((size) => ({ x: size.perClass, y: 100 * size[key].mean })),
  })
  return plot(
    'Ten classes of photos: accuracy by pictures per class',
    {
      x: {
        type: 'log',
        label: 'pictures per class',
        ticks: results.map(({ perClass }) => perClass),
        tickFormat: 'd',
      },
      y: { label: 'accuracy, %', domain: [40, 75], ticks: 7 },
    },
    [curve('softmargin', 'svm'), curve('nearest neighbours', 'neighbours')],
  )
}

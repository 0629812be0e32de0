import { StandardScaler, SVC } from '../dist/lib/index.js'
import { picturesIn, rowsByClass } from './pictures.js'
import { permutation } from './random.js'

/** Flags of the benches that compare kinds of features, for `commandLine`. */
export const comparisonDefaults = {
  pictures: [20, 50, 100],
  draws: 6,
  pool: 150,
  judged: 200,
  out: undefined,
}

/**
 * Reads FOLDER/<class>/*.jpg: of each class the first pictures (--pool), from which draws are taken, and the last ones
 * (--judged), which are only for evaluation.
 */
export function comparedPictures(folder, { pool, judged }) {
  const { pictures, labels, classes } = picturesIn(folder)
  const used = rowsByClass(labels, classes).flatMap((own) => [
    ...own.slice(0, pool),
    ...own.slice(own.length - judged),
  ])
  return { pictures: used.map((i) => pictures[i]), labels: used.map((i) => labels[i]), classes, pool, judged }
}

/**
 * Fits an SVM with a classifier's defaults on each kind of features, for --draws draws of --pictures of each class, and
 * prints the mean accuracies on the judged pictures.
 */
export async function compareFeatures(features, { labels, classes, pool, judged }, flags, about = {}) {
  const take = (list, rows) => rows.map((i) => list[i])
  const rowsOf = (k, from, to) => Array.from({ length: to - from }, (_, i) => k * (pool + judged) + from + i)
  const all = Array.from({ length: classes }, (_, k) => k)
  const test = all.flatMap((k) => rowsOf(k, pool, pool + judged))

  const accuracyOf = async (X, train) => {
    const scaler = new StandardScaler()
    const svc = new SVC({ C: 3 })
    await svc.fit(await scaler.fitTransform(X.select(train)), take(labels, train))
    const accuracy = await svc.score(await scaler.transform(X.select(test)), take(labels, test))
    svc.dispose()
    return accuracy
  }

  const results = []
  for (const count of flags.pictures) {
    const found = []
    for (let draw = 0; draw < flags.draws; draw++) {
      const train = all.flatMap((k) =>
        Array.from(permutation(pool, 100 * draw + k).slice(0, count), (i) => rowsOf(k, i, i + 1)[0]),
      )
      const row = { draw }
      for (const kind of Object.keys(features)) row[kind] = await accuracyOf(features[kind], train)
      found.push(row)
    }
    const mean = (kind) => found.reduce((sum, row) => sum + row[kind], 0) / found.length
    const means = Object.fromEntries(Object.keys(features).map((kind) => [kind, mean(kind)]))
    results.push({ ...about, 'pictures a class': count, draws: found, means })
    console.log(JSON.stringify({ ...about, 'pictures a class': count, ...means }))
  }
  return results
}

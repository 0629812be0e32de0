/**
 * k-nearest-neighbours classification, for several k at once: the most frequent label among the k training rows with the
 * smallest Euclidean distance; of equally frequent labels, the one with the nearest row.
 *
 * @param train matrix of the training rows
 * @param labels one for each training row
 * @param test matrix of the rows to label
 * @param ks numbers of neighbours
 * @returns for each k an array of labels, one for each row of `test`
 */
export function nearestNeighbours(train, labels, test, ks) {
  const most = Math.min(Math.max(...ks), train.rows)
  const answers = ks.map(() => [])
  const squares = Float64Array.from({ length: train.rows }, (_, j) => dot(train.row(j), train.row(j)))
  const distances = new Float64Array(train.rows)
  for (let i = 0; i < test.rows; i++) {
    const row = test.row(i)
    // The squared norm of the row itself is the same for all distances and is omitted.
    for (let j = 0; j < train.rows; j++) distances[j] = squares[j] - 2 * dot(row, train.row(j))
    const nearest = smallest(distances, most)
    for (const [at, k] of ks.entries()) answers[at].push(vote(nearest.slice(0, k).map((j) => labels[j])))
  }
  return answers
}

function dot(a, b) {
  let sum = 0
  for (let k = 0; k < a.length; k++) sum += a[k] * b[k]
  return sum
}

/** The indices of the `count` smallest values, smallest first. */
function smallest(values, count) {
  const places = []
  for (let j = 0; j < values.length; j++) {
    if (places.length === count && values[j] >= values[places[count - 1]]) continue
    let at = places.length < count ? places.length : count - 1
    for (; at > 0 && values[places[at - 1]] > values[j]; at--) places[at] = places[at - 1]
    places[at] = j
  }
  return places
}

function vote(labels) {
  const counts = new Map()
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1)
  const most = Math.max(...counts.values())
  return labels.find((label) => counts.get(label) === most)
}

/** The README's table of a whole run: fits with the default build, and how many times as long the native programs took. */
export function summary({ jobs }) {
  const lines = jobs.flatMap((job) => {
    const time = (peer) => job.answers.find(({ name, failed }) => name === peer && !failed)?.fit
    const ours = time('softmargin strict')
    if (ours === undefined) return []
    const times = (peer) => (time(peer) ? `${rounded(time(peer) / ours)}x` : '')
    const { rows, cols, kernel, C, grid } = job
    const size = `${rows.toLocaleString('en')} x ${cols}`
    const how = grid ? 'search' : `${kernel}, C = ${C}`
    return [
      `| ${[job.title, size, how, inWords(ours), times('scikit-learn'), times('LIBSVM')].join(' | ')} |`,
    ]
  })
  return [
    '| | rows | | softmargin | scikit-learn | LIBSVM |',
    '| --- | --- | --- | --- | --- | --- |',
    ...lines,
  ]
}

/** Rounds to two digits, without an exponent. */
function rounded(number) {
  return String(Number(number.toPrecision(2)))
}

function inWords(seconds) {
  return seconds < 1 ? `${rounded(seconds * 1000)} ms` : `${rounded(seconds)} s`
}

/**
 * The README's table of accuracy by pictures per class: the SVM with each bundled CNN, and nearest neighbours with the best k on
 * the features of tiny.
 */
export function picturesTable({ results }, { results: larger }) {
  const share = ({ mean, std }) => `${(100 * mean).toFixed(1)} % ± ${(100 * std).toFixed(1)}`
  return [
    '| pictures per class | softmargin | with the CNN `small` | nearest neighbours |',
    '| --- | --- | --- | --- |',
    ...results.map(
      ({ perClass, svm, neighbours }, i) =>
        `| ${perClass} | ${share(svm)} | ${share(larger[i].svm)} | ${share(neighbours)} (k = ${neighbours.k}) |`,
    ),
  ]
}

import { longestTask } from './trace.js'

/** Maximum milliseconds of a task of a page's main thread. */
const LIMIT = 50

/**
 * Fits 5,000 rows of 192 numbers and extracts features of 500 photos through `spawn()`, and measures the tasks of the
 * page's main thread meanwhile: with a matrix and JPEG files, and with rows of plain numbers and 100 MB of pixels.
 *
 * @param page a page of puppeteer that shows checks/index.html
 * @param photo the URL of a JPEG file
 */
export async function checkResponsive(page, photo) {
  for (const kind of ['files', 'pixels']) {
    await page.evaluate(prepare, photo, kind)
    const { tasks, clock, processor, inside } = await longestTask(page, () => page.evaluate(work))
    console.log(
      `Chromium, a fit of 5,000 x 192 and 500 photos (${kind}) in a worker: of ${tasks} tasks of the main thread ` +
        `the longest took ${processor.toFixed(1)} ms of the processor, ${clock.toFixed(1)} ms by the clock`,
    )
    if (processor >= LIMIT) {
      throw new Error(`a task took ${processor} ms; the limit is ${LIMIT} ms: ${inside.join(', ')}`)
    }
  }
  const control = await longestTask(page, () => page.evaluate(spin))
  if (control.processor < LIMIT) throw new Error('the trace does not show a task that is too long')
}

async function prepare(photo, kind) {
  let state = 1
  const next = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32
  const y = Array.from({ length: 5000 }, (_, i) => i % 10)
  const data = Float32Array.from({ length: 5000 * 192 }, (_, at) => {
    const label = y[Math.floor(at / 192)]
    return next() + (at % 10 === label ? 0.3 : 0)
  })
  const bytes = new Uint8Array(await (await fetch(photo)).arrayBuffer())
  const images = Array.from({ length: 500 }, (_, i) =>
    kind === 'files' ? bytes.slice() : new ImageData(new Uint8ClampedArray(224 * 224 * 4).fill(i), 224),
  )
  const X = new window.softmargin.Matrix(data, 5000, 192)
  const rows = y.map((_, i) => Array.from(X.row(i)))
  window.prepared = { X: kind === 'files' ? X : rows, y, images }
}

async function work() {
  const { X, y, images } = window.prepared
  const reports = { fit: 0, extract: 0 }
  const remote = await window.spawn()
  const svc = await new remote.SVC().fit(X, y, { onProgress: () => reports.fit++ })
  const predicted = await svc.predict(X)
  const extractor = await remote.FeatureExtractor.create()
  const features = await extractor.extract(images, { onProgress: () => reports.extract++ })
  await remote.dispose()
  if (predicted.length !== 5000 || features.rows !== 500)
    throw new Error('predictions or features are missing')
  if (reports.fit === 0 || reports.extract === 0) throw new Error('no progress was reported')
}

/** Runs in a task; code that the DevTools protocol evaluates does not count as one. */
function spin() {
  return new Promise((resolve) => {
    setTimeout(() => {
      const end = performance.now() + 400
      while (performance.now() < end);
      resolve()
    })
  })
}

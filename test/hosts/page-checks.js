import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkResponsive } from './responsive.js'
import { serve } from './serve.js'

/** Checks of pages in addition to the program, for Chromium, which supports all of them. */
export async function checkPages(project, newPage) {
  const open = await pages(project, newPage)
  await open({ threads: true }, (page) => checkResponsive(page, 'photo.jpg'))
  await open({ threads: true }, checkThreads)
  await open({ threads: false }, checkNoThreads)
  await open({ threads: false }, checkWorkers)
  await checkWebAssembly(open)
}

/** The checks that other browsers support. */
export async function checkWorkersOfPages(project, newPage) {
  const open = await pages(project, newPage)
  await open({ threads: false }, checkWorkers)
}

/** Runs a check on a page that is served with given headers. */
async function pages(project, newPage) {
  built ??= buildChecks(project)
  const folder = await built
  return async (how, run) => {
    const site = await serve(folder, how)
    const page = await newPage()
    const warnings = []
    page.on('console', (message) => message.type() === 'warn' && warnings.push(message.text()))
    try {
      await page.goto(site.url)
      await page.waitForFunction(() => window.ready)
      return await run(page, warnings)
    } finally {
      await page.close()
      site.close()
    }
  }
}

let built
async function buildChecks(project) {
  const root = join(project, 'checks')
  const { build } = await import('vite')
  await build({ root, logLevel: 'error', configFile: join(root, 'vite.config.js') })
  const dist = join(root, 'dist')
  copyFileSync(join(project, 'photo.jpg'), join(dist, 'photo.jpg'))
  return dist
}

/** Threads start on a strict page that allows them: by default, and as many as requested. */
async function checkThreads(page, warnings) {
  const cores = await page.evaluate('navigator.hardwareConcurrency')
  const wanted = [Math.min(cores, 6), 1, 2, 3]
  const numbers = ['all', 1, 2, 3].map((threads, i) => [threads, wanted[i]])
  expect('threads that worked', await page.evaluate(countThreads, numbers), wanted)
  const features = await page.evaluate(async () => {
    const { FeatureExtractor } = window.softmargin
    const extractor = await FeatureExtractor.create({ threads: 2 })
    const image = { data: new Uint8Array(32 * 32).fill(50), width: 32, height: 32, channels: 1 }
    return (await extractor.extract([image])).cols
  })
  expect('features with two threads', features, 288)
  expect('warnings', warnings, [])
}

/** A page without shared memory that requests threads gets one thread and one warning. */
async function checkNoThreads(page, warnings) {
  const worked = await page.evaluate(countThreads, [
    [2, 1],
    [3, 1],
  ])
  expect('threads that worked', worked, [1, 1])
  const perWorker = warnings.filter((text) =>
    /2 threads were requested.*Cross-Origin-Opener-Policy/.test(text),
  )
  expect('warnings', [warnings.length, perWorker.length], [2, 1])
}

/**
 * Counts the threads that work on a fit, in workers with different numbers of threads. A busy machine may start a thread
 * so late that the others have done all the work by then, so fits are repeated until as many threads as expected have
 * worked on one.
 *
 * @param numbers `[threads of the worker, expected number]` each
 */
async function countThreads(numbers) {
  const y = Array.from({ length: 1600 }, (_, i) => i % 4)
  const X = y.map((label) => Float32Array.from({ length: 2000 }, (_, j) => Math.sin(j * label) + (j % 5)))
  const worked = []
  for (const [threads, expected] of numbers) {
    const remote = await window.spawn(threads === 'all' ? {} : { threads })
    let most = 0
    const onProgress = ({ threads }) => (most = Math.max(most, threads))
    // Two fits at least, so that one also runs after the threads have started: more threads than expected are an error.
    for (let fit = 0; fit < 2 || (most < expected && fit < 50); fit++) {
      await new remote.SVC().fit(X, y, { onProgress })
    }
    worked.push(most)
    await remote.dispose()
  }
  return worked
}

/** Workers of the page: one that closes itself and one that is terminated, of which browsers send no event. */
async function checkWorkers(page) {
  const codes = await page.evaluate(async () => {
    const grid = { gamma: Array.from({ length: 500 }, (_, i) => (i + 1) / 1000) }
    const y = Array.from({ length: 3000 }, (_, i) => i % 3)
    const X = y.map((_, i) => Float32Array.from({ length: 20 }, (_, j) => Math.sin(i * 20 + j)))
    const codes = []
    for (const end of [(worker) => worker.postMessage('end'), (worker) => worker.terminate()]) {
      const worker = window.createWorker()
      const remote = await window.spawn({ worker })
      const search = new remote.GridSearchCV(new remote.SVC(), grid)
      const fitting = search.fit(X, y, { onProgress: () => end(worker) })
      codes.push(
        await fitting.then(
          () => 'no error',
          ({ code }) => code,
        ),
      )
      codes.push(
        await search.score(X, y).then(
          () => 'no error',
          ({ code }) => code,
        ),
      )
    }
    for (const worker of [window.createWorker, window.workerUrl, new URL(window.workerUrl, location.href)]) {
      const remote = await window.spawn({ worker })
      codes.push((await new remote.Normalizer().transform([[3, 4]])).rows)
      await remote.dispose()
    }
    const worker = window.createWorker()
    const [one, two] = [await window.spawn({ worker }), await window.spawn({ worker })]
    await one.dispose()
    const svc = await new two.SVC().fit([[0], [1], [4], [5]], [0, 0, 1, 1])
    codes.push(...(await svc.predict([[0], [5]])))
    return codes
  })
  expect('what workers answer', codes, [...Array(4).fill('WORKER_LOST'), 1, 1, 1, 0, 1])
}

/** WebAssembly with a wrong content type works; for an HTML page in its place, the error names the URL. */
async function checkWebAssembly(open) {
  const octets = (file) => (file.endsWith('.wasm') ? { type: 'application/octet-stream' } : undefined)
  const kinds = ['svm', 'mozjpeg_dec', 'ort-wasm-simd-threaded']
  expect(
    'with WebAssembly as octet-stream',
    await open({ threads: false, instead: octets }, (page) => page.evaluate(useAll)),
    kinds.map(() => 'fine'),
  )
  for (const [i, kind] of kinds.entries()) {
    const page = Buffer.from('<!doctype html><title>Not found</title>')
    const instead = (file) =>
      new RegExp(`/${kind}-[^/]*\\.wasm$`).test(file) ? { type: 'text/html', bytes: page } : undefined
    const outcomes = await open({ threads: false, instead }, (page) => page.evaluate(useAll))
    const expected = new RegExp(
      `^FILE_UNREADABLE http://[^ ]*/${kind}-[^/]*\\.wasm .*'<!doctype html>.*text/html`,
    )
    const asWanted = outcomes.map((outcome, j) => (i === j ? expected.test(outcome) : outcome === 'fine'))
    if (asWanted.includes(false)) throw new Error(`with ${kind} as a page: ${outcomes.join('\n')}`)
  }
}

/** Uses every module that a page fetches; returns 'fine' or the error. */
async function useAll() {
  const { softmargin, jpeg } = window
  const each = [
    () => new softmargin.SVC().fit([[0], [1], [4], [5]], [0, 0, 1, 1]),
    () => softmargin.decodeImage(jpeg),
    () => softmargin.FeatureExtractor.create({ runtime: 'onnxruntime' }),
  ]
  const outcomes = []
  for (const use of each) {
    const outcome = await use().then(
      () => 'fine',
      (error) => `${error.code} ${error.received} ${error.message}`,
    )
    outcomes.push(outcome)
  }
  return outcomes
}

function expect(what, found, wanted) {
  if (JSON.stringify(found) !== JSON.stringify(wanted)) {
    throw new Error(`${what}: ${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}`)
  }
}

/**
 * Traces Chromium while `work` runs and returns how long the longest task of the page's main thread took, in
 * milliseconds: wall-clock time, and CPU time alone, because on a busy machine a task also waits for other processes.
 * `inside` lists the parts of that task that took more than a millisecond.
 *
 * @param page a page of puppeteer
 */
export async function longestTask(page, work) {
  await page.tracing.start({ categories: ['disabled-by-default-devtools.timeline'] })
  await work()
  // A task is reported when it has ended; the one that answered just now may still be running.
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 100)))
  const { traceEvents } = JSON.parse(Buffer.from(await page.tracing.stop()).toString())
  const { frames } = traceEvents.find(({ name }) => name === 'TracingStartedInBrowser').args.data
  const { processId } = frames.find(({ isOutermostMainFrame }) => isOutermostMainFrame)
  const main = traceEvents.find(
    ({ name, pid, args }) => name === 'thread_name' && pid === processId && args.name === 'CrRendererMain',
  )
  const tasks = traceEvents.filter(
    ({ name, pid, tid }) => name === 'RunTask' && pid === processId && tid === main.tid,
  )
  const longest = (field) => tasks.reduce((a, b) => ((b[field] ?? 0) > (a[field] ?? 0) ? b : a))
  const { ts, dur, tdur } = longest('tdur')
  const inside = traceEvents
    .filter((event) => event.pid === processId && event.tid === main.tid && event.tdur > 1000)
    .filter((event) => event.ts >= ts && event.ts + event.dur <= ts + dur)
    .map((event) => `${event.name} ${(event.tdur / 1000).toFixed(1)}`)
  return { tasks: tasks.length, clock: longest('dur').dur / 1000, processor: tdur / 1000, inside }
}

/**
 * Traces what Chromium does while `work` runs, and answers how long the longest task of the page's main thread took,
 * in milliseconds: by the clock, and of the processor's time alone, for on a busy machine a task also waits for
 * others, which is not its doing. `inside` names the parts of that task that took over a millisecond.
 *
 * @param page of puppeteer
 */
export async function longestTask(page, work) {
  await page.tracing.start({ categories: ['disabled-by-default-devtools.timeline'] })
  await work()
  // A task is told when it is over, which the one that answered just now need not be.
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

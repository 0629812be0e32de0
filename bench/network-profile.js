// The profile of `bench network --profile`: the time of each step of a network, and its rate relative to the engine's tiles.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** Billions of multiply-adds per second of the SVM's tiles on rows of 512 numbers, measured in a separate process. */
export function tileRate(simd) {
  const tiles = fileURLToPath(new URL('tiles.js', import.meta.url))
  const results = JSON.parse(execFileSync(process.execPath, [tiles, simd]).toString())
  return results.find(({ width }) => width === 512).gflops / 2
}

/** Prints the minimum time of each step over many runs, per image. */
export async function profile(network, simd, pictures, dims, runs) {
  const least = new Map()
  for (let run = 0; run < runs; run++) {
    await network.run(pictures, dims, (step, count, milliseconds) => {
      const each = milliseconds / count
      if (!(least.get(step) < each)) least.set(step, each)
    })
  }
  const rate = tileRate(simd)
  const sum = [...least.values()].reduce((all, each) => all + each, 0)
  console.log(`  ${simd}: ${sum.toFixed(3)} ms in ${least.size} steps; tiles reach ${rate.toFixed(1)} GMAC/s`)
  console.log('        ms   share  GMAC/s  of tiles  kernel      step')
  for (const [{ name, kernel, multiplyAdds = 0 }, each] of least) {
    if (each < sum / 500) continue
    const reached = multiplyAdds / each / 1e6
    const cells = [
      each.toFixed(3).padStart(10),
      `${((100 * each) / sum).toFixed(1)} %`.padStart(7),
      (multiplyAdds ? reached.toFixed(1) : '').padStart(7),
      (multiplyAdds ? `${((100 * reached) / rate).toFixed(0)} %` : '').padStart(9),
      ` ${kernel.padEnd(10)}`,
      name,
    ]
    console.log(cells.join(' '))
  }
  for (const kernel of new Set([...least.keys()].map((step) => step.kernel))) {
    const own = [...least].filter(([step]) => step.kernel === kernel).map(([, each]) => each)
    const all = own.reduce((total, each) => total + each, 0)
    console.log(`  ${kernel.padEnd(11)} ${all.toFixed(3)} ms, ${((100 * all) / sum).toFixed(1)} %`)
  }
}

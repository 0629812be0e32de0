import type { RawImage } from '../../src/image/image-input.ts'
import { seeded } from './layered-cnn.ts'

const kinds = ['across', 'down', 'dots'] as const

/**
 * Noisy horizontal stripes, vertical stripes or a chessboard of 12 x 8 pixels, in colours that do not depend on the
 * kind.
 */
function texture(kind: (typeof kinds)[number], i: number): RawImage {
  const noise = seeded(12 * 8 * 3, i + 1)
  const data = Uint8Array.from(noise, (random, at) => {
    const [x, y] = [Math.floor(at / 3) % 12, Math.floor(at / 36)]
    const isOn = { across: y % 2, down: x % 2, dots: (x + y) % 2 }[kind]
    return 128 + 50 * (isOn ? 1 : -1) + 60 * random
  })
  return { data, width: 12, height: 8, channels: 3 }
}

/** Textures `from` to `to`, exclusive, of each of three kinds in turn: a layered CNN can learn to distinguish them. */
export function textures(from: number, to: number): RawImage[] {
  return Array.from({ length: to - from }, (_, i) => kinds.map((kind) => texture(kind, from + i))).flat()
}

/** The labels of `count` textures of each kind. */
export function textureLabels(count: number): string[] {
  return Array.from({ length: count }, () => kinds).flat()
}

/** Preprocessing of textures for a layered CNN. */
export const texturePreprocess = {
  size: { width: 12, height: 8 },
  rescale: 1 / 255,
  mean: [0.5, 0.5, 0.5],
  std: [0.25, 0.25, 0.25],
}

import { describe, expect, it } from 'vitest'
import { checkFineTune } from './fine-tune-options.ts'
import type { BatchTargets, GradientRunner } from './gradient-runner.ts'
import { train } from './train.ts'
import { HostUpdater } from './weight-updater.ts'

const size = { channels: 2, height: 4, width: 5 }
const length = 40
const count = 10
const codes = Int32Array.from({ length: count }, (_, i) => i % 3)

interface Batch {
  targets: BatchTargets
  images: Float32Array[]
}

/** The batches of a training on images whose pixels are all the number of the image. */
async function batchesOf(probability: number, microBatch: number): Promise<Batch[]> {
  const batches: Batch[] = []
  const parameters = [{ values: Float32Array.of(1), gradient: Float32Array.of(0), learningRateFactor: 1 }]
  const runner = {
    parameters,
    inputs: [new Float32Array(microBatch * length)],
    startUpdater: () => new HostUpdater(parameters, { optimizer: 'sgd', momentum: 0, weightDecay: 0 }),
    computeGradients: async (targets: BatchTargets, fill: (from: number, to: number) => void) => {
      const images: Float32Array[] = []
      for (let from = 0; from < targets.codes.length; from += microBatch) {
        const to = Math.min(from + microBatch, targets.codes.length)
        fill(from, to)
        for (let i = 0; i < to - from; i++) images.push(runner.inputs[0].slice(i * length, (i + 1) * length))
      }
      batches.push({ targets, images })
      return { loss: 1, correct: 0 }
    },
  }
  const data = {
    gather: (_: number, rows: Int32Array, [to]: readonly Float32Array[]) => {
      for (const [i, row] of rows.entries()) to.fill(row, i * length, (i + 1) * length)
    },
  }
  await train(runner as unknown as GradientRunner, data, codes, {
    ...checkFineTune({ epochs: 10, batchSize: 5 }),
    cutMix: { probability, size },
    deadline: undefined,
    signal: undefined,
    onProgress: undefined,
  })
  return batches
}

describe('CutMix in a training', () => {
  it('mixes images and targets alike, except in the last fifth of the steps', async () => {
    const batches = await batchesOf(1, 5)
    expect(batches).toHaveLength(20)
    for (const [step, { targets, images }] of batches.entries()) {
      const { mixed } = targets
      expect(mixed === undefined).toBe(step >= 16)
      for (const [i, image] of images.entries()) {
        const pixels = new Set(image)
        const own = [...pixels].filter((row) => codes[row] === targets.codes[i])
        if (!mixed) expect([pixels.size, own.length]).toEqual([1, 1])
        else if (pixels.size === 2) {
          const shares = [...pixels].map((row) => image.filter((value) => value === row).length / length)
          const [first, second] = [...pixels].map((row) => codes[row])
          const at = Math.abs(shares[0] - mixed.share) < 1e-6 && first === targets.codes[i] ? 0 : 1
          expect(shares[at]).toBeCloseTo(mixed.share)
          expect([first, second][at]).toBe(targets.codes[i])
          expect([first, second][1 - at]).toBe(mixed.codes[i])
        }
      }
    }
    expect(batches.some(({ images }) => images.some((image) => new Set(image).size === 2))).toBe(true)
  })

  it('does not depend on how a batch is cut into parts', async () => {
    const whole = await batchesOf(0.5, 5)
    expect(await batchesOf(0.5, 2)).toEqual(whole)
    const share = whole.slice(0, 16).filter(({ targets }) => targets.mixed).length / 16
    expect(share).toBeGreaterThan(0.2)
    expect(share).toBeLessThan(0.8)
  })

  it('is absent where its share is 0', async () => {
    expect((await batchesOf(0, 5)).every(({ targets }) => targets.mixed === undefined)).toBe(true)
  })
})

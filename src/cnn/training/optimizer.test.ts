import { describe, expect, it } from 'vitest'
import { seeded } from '../../../test/support/layered-cnn.ts'
import { clipNorm, Optimizer, scheduleFactor, WeightAverage } from './optimizer.ts'

/** Ten steps on f(w) = sum c w^2 / 2, with the formulas of torch.optim in float64. */
function byHand(kind: 'sgd' | 'adamw', start: Float32Array, rate: number): number[] {
  return Array.from(start, (value, i) => {
    let w = value
    let [first, second] = [0, 0]
    for (let step = 1; step <= 10; step++) {
      const gradient = curvature(i) * w
      if (kind === 'sgd') {
        const all = gradient + 0.01 * w
        first = 0.9 * first + all
        w -= rate * (all + 0.9 * first)
      } else {
        w -= rate * 0.01 * w
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient ** 2
        w -= (rate * (first / (1 - 0.9 ** step))) / (Math.sqrt(second / (1 - 0.999 ** step)) + 1e-8)
      }
    }
    return w
  })
}
const curvature = (i: number) => 0.5 + (i % 3)

describe('the optimizer', () => {
  it.each(['sgd', 'adamw'] as const)('%s follows the formulas of torch.optim', (optimizer) => {
    const values = seeded(40, 7)
    const wanted = byHand(optimizer, values, 0.05)
    const rule = new Optimizer([{ values, learningRateFactor: 0.5 }], {
      optimizer,
      momentum: 0.9,
      weightDecay: 0.01,
    })
    for (let step = 0; step < 10; step++) rule.step([values.map((w, i) => curvature(i) * w)], 0.1)
    for (const [i, value] of values.entries()) expect(value).toBeCloseTo(wanted[i], 5)
  })

  it('starts afresh after reset()', () => {
    for (const optimizer of ['sgd', 'adamw'] as const) {
      const [a, b] = [Float32Array.of(1), Float32Array.of(1)]
      const settings = { optimizer, momentum: 0.9, weightDecay: 0 }
      const used = new Optimizer([{ values: a, learningRateFactor: 1 }], settings)
      used.step([Float32Array.of(5)], 0.1)
      used.reset()
      a[0] = 1
      used.step([Float32Array.of(2)], 0.1)
      new Optimizer([{ values: b, learningRateFactor: 1 }], settings).step([Float32Array.of(2)], 0.1)
      expect(a[0]).toBe(b[0])
    }
  })
})

describe('gradients', () => {
  it('are clipped to a norm by a common factor, and unchanged below it', () => {
    const gradients = [Float32Array.of(3, 0), Float32Array.of(4)]
    expect(clipNorm(gradients, 6)).toBe(5)
    expect(gradients).toEqual([Float32Array.of(3, 0), Float32Array.of(4)])
    expect(clipNorm(gradients, 1)).toBe(5)
    expect(gradients[0][0]).toBeCloseTo(0.6, 6)
    expect(gradients[1][0]).toBeCloseTo(0.8, 6)
  })

  it('that are not finite have no finite norm', () => {
    expect(clipNorm([Float32Array.of(1, Number.NaN)], 1)).toBeNaN()
    expect(clipNorm([Float32Array.of(Infinity)], 1)).toBe(Infinity)
  })
})

describe('the average of the weights', () => {
  it('is close to their mean over its horizon', () => {
    const values = new Float32Array(1)
    const average = new WeightAverage([{ values, learningRateFactor: 1 }])
    for (let step = 0; step < 400; step++) {
      values[0] = step % 2
      average.add(50)
    }
    expect(average.values[0][0]).toBeCloseTo(0.5, 1)
    average.reset()
    expect(average.values[0][0]).toBe(1)
  })
})

describe('the schedule', () => {
  it('warms up for a tenth of the steps, then follows half a cosine', () => {
    for (let i = 1; i <= 1000; i++) {
      const x = i / 1000
      const cosine = (1 + Math.cos(Math.PI * Math.max(0, (x - 0.1) / 0.9))) / 2
      expect(scheduleFactor('cosine', x)).toBeCloseTo(Math.min(x / 0.1, cosine), 12)
      expect(scheduleFactor('constant', x)).toBe(Math.min(1, x / 0.1))
    }
  })
})

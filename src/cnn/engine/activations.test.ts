import { describe, expect, it } from 'vitest'
import { builds } from '../../../test/support/builds.ts'
import { graphOf } from '../../../test/support/engine-oracle.ts'
import { constant, node } from '../../onnx/graph/nodes.ts'
import { EngineNetwork } from './network.ts'

// The sigmoid and x sigmoid(a x) against float64, over their whole ranges. Other activations: operators.test.ts.

const sigmoid = node('s', 'Sigmoid', ['x'], ['s'])
const rate = 1.702
const graphs = {
  sigmoid: graphOf(1, [sigmoid], [], ['s']),
  swish: graphOf(1, [sigmoid, node('m', 'Mul', ['x', 's'], ['y'])], [], ['y']),
  swishWithRate: graphOf(
    1,
    [
      node('a', 'Mul', ['x', 'rate'], ['a']),
      node('s', 'Sigmoid', ['a'], ['s']),
      node('m', 'Mul', ['x', 's'], ['y']),
    ],
    [constant('rate', Float32Array.of(rate), [])],
    ['y'],
  ),
}

async function activated(
  name: keyof typeof graphs,
  x: Float32Array,
  simd: (typeof builds)[number],
): Promise<Float32Array> {
  const dims = [1, 1, 1, x.length]
  const network = await EngineNetwork.create({ model: graphs[name], input: 'x' }, dims, { simd })
  const kernels = new Set<string>()
  const [made] = (await network.run(x, dims, ({ kernel }) => kernels.add(kernel))).values()
  network.release()
  // One activation, not an operation for each node.
  expect([...kernels]).toEqual(['activate'])
  return made.data
}

/** Numbers of both signs: evenly spaced up to 130, and of every size that float32 has. */
function everyRange(): Float32Array {
  const numbers = Array.from({ length: 260_001 }, (_, i) => i / 1000 - 130)
  for (let power = -149; power < 128; power++) {
    for (let part = 1; part < 2; part += 1 / 64) numbers.push(part * 2 ** power, -part * 2 ** power)
  }
  return Float32Array.from(numbers)
}

const exact = (x: number) => 1 / (1 + Math.exp(-x))

describe.each(builds)('the %s build', (simd) => {
  it('the sigmoid is within 2e-7 of float64, and small ones within 5e-6 of themselves', async () => {
    const x = everyRange()
    const made = await activated('sigmoid', x, simd)
    let [absolute, relative] = [0, 0]
    for (const [i, number] of x.entries()) {
      const error = Math.abs(made[i] - exact(number))
      absolute = Math.max(absolute, error)
      if (number > -80) relative = Math.max(relative, error / exact(number))
    }
    expect(absolute).toBeLessThan(2e-7)
    expect(relative).toBeLessThan(5e-6)
  })

  it.each([
    ['swish', 1],
    ['swishWithRate', rate],
  ] as const)('%s is within 3e-7 of x', async (name, a) => {
    const x = everyRange()
    const made = await activated(name, x, simd)
    const f = Math.fround(a)
    let most = 0
    for (const [i, number] of x.entries()) {
      const error = Math.abs(made[i] - number * exact(f * number))
      // The smallest numbers have steps of 2^-149.
      most = Math.max(most, (error - 2 ** -149) / Math.abs(number || 1))
    }
    expect(most).toBeLessThan(3e-7)
  })

  it('has the limits of the sigmoid at infinity, and keeps NaN', async () => {
    const x = Float32Array.of(
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      Number.NaN,
      0,
      -0,
      3e38,
      -3e38,
    )
    expect([...(await activated('sigmoid', x, simd))]).toEqual([1, 0, Number.NaN, 0.5, 0.5, 1, 0])
    // -Infinity times 0 is NaN, as in ONNX.
    const large = Math.fround(3e38)
    expect([...(await activated('swish', x, simd))]).toEqual([
      Number.POSITIVE_INFINITY,
      Number.NaN,
      Number.NaN,
      0,
      -0,
      large,
      -0,
    ])
  })
})

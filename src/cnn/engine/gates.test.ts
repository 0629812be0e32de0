import { expect, it } from 'vitest'
import { compare, graphOf, randomWeights } from '../../../test/support/engine-oracle.ts'
import { nativeOrt } from '../../../test/support/native-ort.ts'
import { SeededRandom } from '../../../test/support/random.ts'
import { node } from '../../onnx/graph/nodes.ts'
import { EngineNetwork } from './network.ts'

// Squeeze-and-excite blocks whose gate goes to the convolution behind it. Others: operators.test.ts.

interface Shape {
  channels: number
  filters: number
  height: number
  width: number
}

function block(random: SeededRandom, { channels, filters }: Shape, hasResidual: boolean) {
  const weights = [
    randomWeights(random, 'w1', [channels, channels, 1, 1]),
    randomWeights(random, 'w2', [filters, channels, 1, 1]),
    randomWeights(random, 'b2', [filters]),
    randomWeights(random, 'w3', [filters, channels, 1, 1]),
  ]
  const nodes = [
    node('relu', 'Relu', ['x'], ['r']),
    node('pool', 'GlobalAveragePool', ['r'], ['p']),
    node('c1', 'Conv', ['p', 'w1'], ['c1']),
    node('gate', 'Sigmoid', ['c1'], ['g']),
    node('mul', 'Mul', random.pick(['r', 'g'], ['g', 'r']), ['m']),
    node('c2', 'Conv', ['m', 'w2', 'b2'], ['c2']),
    ...(hasResidual
      ? [node('c3', 'Conv', ['x', 'w3'], ['c3']), node('add', 'Add', ['c2', 'c3'], ['s'])]
      : [node('s', 'Identity', ['c2'], ['s'])]),
    node('act', random.pick('Relu', 'HardSwish'), ['s'], ['y']),
  ]
  return graphOf(channels, nodes, weights, ['y'])
}

const pick = (random: SeededRandom): Shape => ({
  channels: random.pick(2, 4, 7, 16, 170),
  filters: random.pick(1, 4, 9, 16, 23, 40),
  height: random.integer(1, 9),
  width: random.integer(2, 9),
})

it.runIf(nativeOrt() !== undefined)(
  'match ONNX Runtime, with more weights than pixels and with fewer',
  async () => {
    for (let seed = 1; seed <= 40; seed++) {
      const random = new SeededRandom(seed * 7919)
      const shape = pick(random)
      const dims = [random.integer(1, 4), shape.channels, shape.height, shape.width]
      const x = random.floats(dims.reduce((all, n) => all * n, 1))
      const { outputs } = await compare(block(random, shape, seed % 2 === 0), dims, x)
      for (const { error } of outputs) expect(error, `seed ${seed}`).toBeLessThan(1e-5)
    }
  },
)

it.each([
  [{ channels: 12, filters: 20, height: 5, width: 5 }, true],
  [{ channels: 12, filters: 26, height: 5, width: 5 }, false],
])('%o: weights are multiplied: %s', async (shape, isFused) => {
  const random = new SeededRandom(11)
  const dims = [1, shape.channels, shape.height, shape.width]
  const network = await EngineNetwork.create({ model: block(random, shape, false), input: 'x' }, dims)
  const kernels = new Set<string>()
  const x = random.floats(dims.reduce((all, n) => all * n, 1))
  await network.run(x, dims, ({ kernel }) => kernels.add(kernel))
  network.release()
  expect(kernels.has('binary')).toBe(!isFused)
})

it('give an image the same bits alone and in a batch', async () => {
  for (let seed = 1; seed <= 12; seed++) {
    const random = new SeededRandom(seed * 104729)
    const shape = { ...pick(random), filters: 3, height: 3, width: random.pick(3, 5) }
    const own = [shape.channels, shape.height, shape.width]
    const length = own.reduce((all, n) => all * n, 1)
    const x = random.floats(11 * length)
    const model = block(random, shape, seed % 2 === 0)
    const network = await EngineNetwork.create({ model, input: 'x' }, [11, ...own])
    const together = (await network.run(x, [11, ...own])).get('y')!.data
    for (const image of [0, 6, 10]) {
      const alone = await network.run(x.subarray(image * length, (image + 1) * length), [1, ...own])
      const each = together.length / 11
      expect(together.slice(image * each, (image + 1) * each)).toEqual(alone.get('y')!.data)
    }
    network.release()
  }
})

import { expect, it } from 'vitest'
import { graphOf } from '../../../test/support/engine-oracle.ts'
import { node } from '../../onnx/graph/nodes.ts'
import { EngineNetwork } from './network.ts'

// Pools of more than four vectors of channels and of a rest. Against ONNX Runtime: operators.test.ts.

it.each(['MaxPool', 'AveragePool'])(
  '%s makes NaN of the windows that hold one, wherever it is',
  async (op) => {
    const side = 3
    const channels = 22
    const attributes = { kernel_shape: [2n, 2n] }
    const model = graphOf(channels, [node('p', op, ['x'], ['y'], attributes)], [], ['y'])
    const dims = [1, channels, side, side]
    const network = await EngineNetwork.create({ model, input: 'x' }, dims)
    const area = side * side
    for (const channel of [0, 5, 15, 16, 21]) {
      for (let pixel = 0; pixel < area; pixel++) {
        const x = Float32Array.from({ length: channels * area }, (_, i) => Math.sin(i))
        x[channel * area + pixel] = Number.NaN
        const { data } = (await network.run(x, dims)).get('y')!
        for (let at = 0; at < channels * 4; at++) {
          const [c, row, column] = [at >> 2, (at >> 1) & 1, at & 1]
          const window = [0, 1, side, side + 1].map((tap) => x[c * area + row * side + column + tap])
          const sum = window.reduce((all, value) => all + value, 0)
          const want = op === 'MaxPool' ? Math.max(...window) : sum / 4
          if (Number.isNaN(want)) expect(data[at]).toBeNaN()
          else expect(data[at]).toBeCloseTo(want, 6)
        }
      }
    }
    network.release()
  },
)

import type { LayerNormalization, MapValue, Softmax } from '../lowering/operations.ts'
import { areaOf, type CustomOperation } from '../planning/step.ts'
import { everyPixel } from '../planning/tables.ts'

/**
 * The gradient of the map that a normalization over the channels read.
 *
 * @param operation a LayerNormalization has a scale of 1 and a bias of 0
 * @param dy the gradient of what it made
 */
export function normalizationGradient(
  operation: LayerNormalization | Softmax,
  dy: MapValue,
): CustomOperation & { output: MapValue } {
  // That of Softmax follows from what it made.
  const z = operation.type === 'softmax' ? operation.output : operation.input
  const output: MapValue = { shape: z.shape }
  const name = `gradient of ${operation.name}`
  return {
    type: 'custom',
    name,
    reads: [z, dy],
    output,
    addSteps: ({ map, tables, push }) => {
      const { channels } = output.shape
      const area = areaOf(output.shape)
      const [from, gradient, out] = [map(z), map(dy), map(output)]
      const [zTable, dyTable, outTable] = [from, gradient, out].map(({ layout }) =>
        tables.pixels(layout, everyPixel(layout.shape)),
      )
      const reads = () => [from.buffer.address, zTable, gradient.buffer.address, dyTable] as const
      const writes = () => [out.buffer.address, outTable] as const
      if (operation.type === 'softmax') {
        push({
          name,
          kernel: 'softmaxGradient',
          run: (kernels, pictures) =>
            kernels.softmaxGradient(...reads(), pictures * area, channels, ...writes()),
        })
        return
      }
      const { epsilon } = operation
      push({
        name,
        kernel: 'layerNormGradient',
        run: (kernels, pictures) =>
          kernels.layerNormGradient(...reads(), pictures * area, channels, epsilon, ...writes()),
      })
    },
  }
}

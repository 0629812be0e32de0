import type { LayerNormalization, Softmax } from '../../lowering/operations.ts'
import { areaOf, type StepContext } from '../step.ts'
import { everyPixel } from '../tables.ts'

/** Adds the kernel call of a layer normalization. */
export function addLayerNormalization(operation: LayerNormalization, context: StepContext): void {
  const { map, memory, tables, push } = context
  const [x, out] = [map(operation.input), map(operation.output)]
  const { shape } = out.layout
  const area = areaOf(shape)
  const [from, to] = [x, out].map(({ layout }) => tables.pixels(layout, everyPixel(shape)))
  const vectors = out.layout.pixelBytes / 4
  const scale = memory.floats(vectors, (numbers) => numbers.set(operation.scale))
  const bias = memory.floats(vectors, (numbers) => numbers.set(operation.bias))
  push({
    name: operation.name,
    kernel: 'layerNorm',
    run: (kernels, pictures) =>
      kernels.layerNorm(
        x.buffer.address,
        from,
        pictures * area,
        shape.channels,
        operation.epsilon,
        scale,
        bias,
        out.buffer.address,
        to,
      ),
  })
}

/** Adds the kernel call of a softmax. */
export function addSoftmax(operation: Softmax, { map, tables, push }: StepContext): void {
  const [x, out] = [map(operation.input), map(operation.output)]
  const { shape } = out.layout
  const area = areaOf(shape)
  const [from, to] = [x, out].map(({ layout }) => tables.pixels(layout, everyPixel(shape)))
  push({
    name: operation.name,
    kernel: 'softmax',
    run: (kernels, pictures) =>
      kernels.softmax(x.buffer.address, from, pictures * area, shape.channels, out.buffer.address, to),
  })
}

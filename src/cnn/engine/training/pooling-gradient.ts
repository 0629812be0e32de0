import type { MapValue, Pooling } from '../lowering/operations.ts'
import { roundUp } from '../planning/maps.ts'
import { areaOf, type CustomOperation, type PlacedMap } from '../planning/step.ts'
import { everyPixel } from '../planning/tables.ts'
import { clearing } from './spread-out.ts'

/** The gradient of the map that a pooling read. @param dy the gradient of what it made */
export function poolingGradient(pooling: Pooling, dy: MapValue): CustomOperation & { output: MapValue } {
  const { input, output: y, isMax, dilations } = pooling
  const name = `gradient of ${pooling.name}`
  const output: MapValue = { shape: input.shape }
  return {
    type: 'custom',
    name,
    reads: isMax ? [input, y, dy] : [dy],
    output,
    addSteps: ({ map, tables, push }) => {
      const [gradient, out] = [map(dy), map(output)]
      const [x, made] = isMax ? [map(input), map(y)] : [undefined, undefined]
      const pixels = (placed: PlacedMap) => tables.pixels(placed.layout, everyPixel(placed.layout.shape))
      const dyTable = pixels(gradient)
      const yTable = made ? pixels(made) : 0
      const windows = x ? tables.poolWindows(x.layout, pooling) : 0
      const dxWindows = tables.poolWindows(out.layout, pooling)
      const area = areaOf(y.shape)
      push(clearing(name, out))
      push({
        name,
        kernel: 'poolGradient',
        run: (kernels, pictures) =>
          kernels.poolGradient(
            x?.buffer.address ?? 0,
            windows,
            dilations[0] * (x?.layout.rowBytes ?? 0),
            dilations[1] * (x?.layout.pixelBytes ?? 0),
            pictures * area,
            roundUp(output.shape.channels, 4),
            isMax ? 1 : 0,
            made?.buffer.address ?? 0,
            yTable,
            gradient.buffer.address,
            dyTable,
            out.buffer.address,
            dxWindows,
            dilations[0] * out.layout.rowBytes,
            dilations[1] * out.layout.pixelBytes,
          ),
      })
    },
  }
}

import { BinaryKind, linear, type MapShape, type MapValue } from '../lowering/operations.ts'
import { roundUp } from '../planning/maps.ts'
import { areaOf, type CustomOperation, epilogueAddress, type PlacedMap, type Step } from '../planning/step.ts'
import { everyPixel } from '../planning/tables.ts'

/**
 * A map with zeros between its pixels: a pixel in every `strides` rows and columns.
 *
 * @param shape of the result
 * @param residual a map to add
 */
export function spreadOut(
  name: string,
  input: MapValue,
  strides: readonly [number, number],
  shape: MapShape,
  residual?: MapValue,
): CustomOperation & { output: MapValue } {
  const { channels, height, width } = input.shape
  const output: MapValue = { shape }
  return {
    type: 'custom',
    name,
    reads: residual ? [input, residual] : [input],
    output,
    addSteps: (context) => {
      const { map, tables, push } = context
      const [x, out, added] = [map(input), map(output), residual && map(residual)]
      const from = tables.pixels(x.layout, everyPixel(input.shape))
      const [stepY, stepX] = strides
      const to = tables.pixels(out.layout, { height, width, y: 0, x: 0, stepY, stepX })
      const vectors = roundUp(channels, 4)
      const area = height * width
      if (!added) {
        push(clearing(name, out))
        push({
          name,
          kernel: 'copyPixels',
          run: ({ copyPixels }, pictures) =>
            copyPixels(x.buffer.address, from, pictures * area, vectors, out.buffer.address, to),
        })
        return
      }
      const all = [added, out].map(({ layout }) => tables.pixels(layout, everyPixel(shape)))
      const epilogue = epilogueAddress(context, linear)
      push({
        name,
        kernel: 'copyPixels',
        run: ({ copyPixels }, pictures) => {
          const pixels = pictures * areaOf(shape)
          copyPixels(added.buffer.address, all[0], pixels, vectors, out.buffer.address, all[1])
        },
      })
      push({
        name,
        kernel: 'binary',
        run: ({ binary }, pictures) => {
          const [left, right] = [out.buffer.address, x.buffer.address]
          const pixels = pictures * area
          binary(left, to, 0, right, from, 0, BinaryKind.add, pixels, vectors, left, to, epilogue)
        },
      })
    },
  }
}

/** Writes zeros over a map. */
export function clearing(name: string, { buffer, layout }: PlacedMap): Step {
  const { border, rowBytes, shape, pictureBytes } = layout
  const rows = border.top + shape.height + border.bottom
  return {
    name,
    kernel: 'fillBorder',
    run: (kernels, pictures) => {
      for (let picture = 0; picture < pictures; picture++) {
        kernels.fillBorder(buffer.address + picture * pictureBytes, rowBytes, rows, 0, 0, 0, 0, 0)
      }
    },
  }
}

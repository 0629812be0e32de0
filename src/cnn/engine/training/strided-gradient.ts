import type { Convolution } from '../lowering/operations.ts'
import { winogradForm } from '../planning/choose-kernel.ts'
import { byteOf, type MapLayout, roundUp } from '../planning/maps.ts'
import { areaOf, type CustomOperation, type StepContext } from '../planning/step.ts'
import { winogradRoom } from '../planning/steps/steps-winograd.ts'
import { tileSides } from '../planning/winograd-tiles.ts'

const form = winogradForm('strided4')!
const plainForm = winogradForm('winograd4')!

/**
 * Whether the transpose of the Winograd form is what computes the gradient of a convolution's input: if it takes fewer
 * products than a convolution of the gradient with zeros between its pixels, and its tiles cover the whole map.
 */
export function hasStridedGradient(convolution: Convolution): boolean {
  const { input, output, groups, kernel, strides, dilations, before, bias } = convolution
  const isPlain = groups === 1 && kernel.join() === '3,3' && dilations.every((n) => n === 1)
  if (!isPlain || strides.join() !== '2,2' || input.shape.channels < 16) return false
  if (bias.length < 16 || bias.length % 4 !== 0) return false
  const sides = tileSides(output.shape, form.side, false)
  const plain = tileSides(input.shape, plainForm.side, false)
  const isLess =
    form.planes * sides[0].count * sides[1].count < plainForm.planes * plain[0].count * plain[1].count
  const { height, width } = input.shape
  return isLess && [height, width].every((size, i) => 8 * sides[i].count + 1 - before[i] >= size)
}

/**
 * The gradient of the map that a convolution of 3 x 3 with stride 2 read.
 *
 * @param exchanged the convolution from the gradient to the one that is computed, with its residual
 */
export function stridedGradient(
  { name, before, output: y }: Convolution,
  exchanged: Convolution,
): CustomOperation & { output: Convolution['output'] } {
  const { input: dy, residual, output } = exchanged
  return {
    type: 'custom',
    name: `gradient of ${name}`,
    reads: residual ? [dy, residual] : [dy],
    output,
    addSteps: (context) => {
      const { map, memory, tables, facts, push } = context
      const [gradient, dx, added] = [map(dy), map(output), residual && map(residual)]
      const sides = tileSides(y.shape, form.side, false)
      const tiles = sides[0].count * sides[1].count
      const { rowBytes, pixelBytes } = gradient.layout
      const room = winogradRoom(exchanged, form, tiles, pixelBytes, context)
      const { planes, sums, transformed, scratch } = room
      const counts = sides.map(({ count }) => count)
      const table = (layout: MapLayout, hasFlags: boolean) =>
        tables.integers(tileTable(layout, counts, before, hasFlags, context))
      // The fields of `WinogradLayer` in assembly/cnn/winograd/winograd-layer.ts.
      const layer = tables.integers([
        form.form,
        room.block,
        roundUp(output.shape.channels, 4),
        rowBytes,
        pixelBytes,
        tables.outputTiles(gradient.layout, sides),
        table(dx.layout, true),
        dx.layout.rowBytes,
        dx.layout.pixelBytes,
        added ? table(added.layout, false) : 0,
        added?.layout.rowBytes ?? 0,
        added?.layout.pixelBytes ?? 0,
        ...room.fields,
        0,
        memory.share('zeros', facts.wide * 4, () => {}),
        0,
      ])
      push({
        name: `gradient of ${name}`,
        kernel: 'stridedGradient',
        multiplyAdds: 9 * areaOf(y.shape) * y.shape.channels * output.shape.channels,
        run: (kernels, pictures) =>
          kernels.stridedGradient(
            layer,
            gradient.buffer.address,
            pictures * tiles,
            dx.buffer.address,
            added?.buffer.address ?? 0,
            planes.address,
            sums.address,
            transformed.address,
            scratch.address,
          ),
      })
    },
  }
}

/**
 * For each tile of 9 x 9 numbers, the byte offset of its first pixel on the map, and with `hasFlags` which of its rows and
 * columns are on the map, as `stridedGradient` in assembly/cnn/gradient/strided-gradient.ts takes them.
 */
function tileTable(
  layout: MapLayout,
  [down, right]: number[],
  before: readonly number[],
  hasFlags: boolean,
  { pictures }: StepContext,
): number[] {
  const { height, width } = layout.shape
  const place = (index: number, i: number, size: number) => {
    const start = 8 * index - before[i]
    const first = Math.max(0, -start)
    return { at: start + first, first, end: Math.min(9, size - start) }
  }
  const table: number[] = []
  for (let picture = 0; picture < pictures; picture++) {
    for (let i = 0; i < down; i++) {
      for (let j = 0; j < right; j++) {
        const [rows, columns] = [place(i, 0, height), place(j, 1, width)]
        table.push(picture * layout.pictureBytes + byteOf(layout, rows.at, columns.at))
        if (!hasFlags) continue
        const inside = rows.first + 2 ** 4 * rows.end + 2 ** 8 * columns.first + 2 ** 12 * columns.end
        table.push(inside + 2 ** 16 * +(i > 0) + 2 ** 17 * +(j > 0))
      }
    }
  }
  return table
}

import type { Copy } from '../../lowering/operations.ts'
import { addBorder, type StepContext } from '../step.ts'

/** Adds the kernel calls that copy a part of a map, or a map into a larger one. */
export function addCopy(operation: Copy, { map, tables, push }: StepContext): void {
  const { input, name, step, fill } = operation
  const [x, out] = [map(input), map(operation.output)]
  const { layout } = out
  const { shape } = layout
  const { channel } = operation.from
  // The region of the output covered by the input; the rest is filled with the constant.
  const top = Math.max(0, -operation.from.y)
  const left = Math.max(0, -operation.from.x)
  const height = step.y === 1 ? Math.min(shape.height - top, input.shape.height) : shape.height
  const width = step.x === 1 ? Math.min(shape.width - left, input.shape.width) : shape.width
  if (height < shape.height || width < shape.width) {
    push({
      name,
      kernel: 'fillBorder',
      run: (kernels, pictures) => {
        const rows = (layout.pictureBytes / layout.rowBytes) | 0
        for (let picture = 0; picture < pictures; picture++) {
          const address = out.buffer.address + picture * layout.pictureBytes
          kernels.fillBorder(address, layout.rowBytes, rows, 0, 0, 0, 0, fill)
        }
      },
    })
  }
  addBorder(out, name, push)
  const y = Math.max(0, operation.from.y)
  const column = Math.max(0, operation.from.x)
  const from = tables.pixels(x.layout, { height, width, y, x: column, stepY: step.y, stepX: step.x })
  const to = tables.pixels(layout, { height, width, y: top, x: left, stepY: 1, stepX: 1 })
  push({
    name,
    kernel: 'copyPixels',
    run: (kernels, pictures) => {
      const first = x.buffer.address + channel * 4
      kernels.copyPixels(first, from, pictures * height * width, shape.channels, out.buffer.address, to)
    },
  })
}

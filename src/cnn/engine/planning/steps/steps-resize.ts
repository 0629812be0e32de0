import type { Blend, Resize } from '../../lowering/operations.ts'
import { byteOf, roundUp } from '../maps.ts'
import type { StepContext } from '../step.ts'

/** Adds the kernel call that resizes a map. */
export function addResize(operation: Resize, { map, memory, push }: StepContext): void {
  const [x, out] = [map(operation.input), map(operation.output)]
  const { layout } = x
  const { channels, height, width } = out.layout.shape
  const { pictureBytes, rowBytes, pixelBytes } = out.layout
  // The table's fields are those of assembly/cnn/resize.ts.
  const tableOf = (blend: Blend, offsetOf: (place: number) => number) =>
    memory.fix(blend.length * 12, (bytes, address) => {
      const table = new DataView(bytes, address)
      for (let i = 0; i < blend.length; i++) {
        const { first, second, share } = blend.at(i)
        table.setUint32(i * 12, offsetOf(first), true)
        table.setUint32(i * 12 + 4, offsetOf(second), true)
        table.setFloat32(i * 12 + 8, share, true)
      }
    })
  const rows = tableOf(operation.rows, (y) => byteOf(layout, y, 0))
  const columns = tableOf(operation.columns, (column) => column * layout.pixelBytes)
  const first = byteOf(out.layout, 0, 0)
  push({
    name: operation.name,
    kernel: 'resize',
    run: (kernels, pictures) =>
      kernels.resize(
        x.buffer.address,
        x.isConstant ? 0 : layout.pictureBytes,
        pictures,
        rows,
        height,
        columns,
        width,
        4 * roundUp(channels, 4),
        out.buffer.address + first,
        pictureBytes,
        rowBytes,
        pixelBytes,
      ),
  })
}

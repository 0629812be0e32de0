import type { PlacedMap, Step } from './step.ts'

/** Zeroes the border of a map before the map is written, because its memory may have held another buffer. */
export function addBorder(map: PlacedMap, name: string, push: (step: Step) => void): void {
  const { border, rowBytes, pixelBytes, pictureBytes, shape } = map.layout
  if (border.top + border.left + border.bottom + border.right === 0) return
  push({
    name,
    kernel: 'fillBorder',
    run: (kernels, pictures) => {
      for (let picture = 0; picture < pictures; picture++) {
        kernels.fillBorder(
          map.buffer.address + picture * pictureBytes,
          rowBytes,
          border.top,
          shape.height,
          border.bottom,
          border.left * pixelBytes,
          border.right * pixelBytes,
          0,
        )
      }
    },
  })
}

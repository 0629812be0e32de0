import type { PlacedMap, Step } from './step.ts'

/** Clears the border of a map before it is made: its memory may have served others. */
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

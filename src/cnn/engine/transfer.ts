import { lengthOf } from './lowering/operations.ts'
import type { Port } from './planning/step.ts'
import type { Instance } from './wasm/instance.ts'

/**
 * Writes maps into the engine's memory.
 *
 * @param planes address of the room for one map in planes
 * @param maps values in ONNX order, [pictures, channels, height, width]
 */
export function putMaps(
  { kernels, memory }: Instance,
  planes: number,
  { map, pixels }: Port,
  maps: Float32Array,
): void {
  const { layout, buffer } = map
  const { channels, height, width } = layout.shape
  const length = lengthOf(layout.shape)
  const staging = new Float32Array(memory, planes, length)
  for (let picture = 0; picture * length < maps.length; picture++) {
    staging.set(maps.subarray(picture * length, (picture + 1) * length))
    kernels.fromPlanes(
      planes,
      height * width,
      channels,
      buffer.address + picture * layout.pictureBytes,
      pixels,
    )
  }
}

/** Reads maps out of the engine's memory, as many as `to` holds; arguments as for `putMaps`. */
export function takeMaps(
  { kernels, memory }: Instance,
  planes: number,
  { map, pixels }: Port,
  to: Float32Array,
): void {
  const { layout, buffer, isConstant } = map
  const { channels, height, width } = layout.shape
  const length = lengthOf(layout.shape)
  const staging = new Float32Array(memory, planes, length)
  for (let picture = 0; picture * length < to.length; picture++) {
    const address = buffer.address + (isConstant ? 0 : picture * layout.pictureBytes)
    kernels.toPlanes(address, pixels, height * width, channels, planes)
    to.set(staging, picture * length)
  }
}

// Converts ONNX's planes ([channels][pixels]) to maps with the channels last and back, copies pixels, fills borders, and
// stores parts of vectors.

/**
 * Writes one picture of planes as a map.
 *
 * @param offsets u32 bytes, one a pixel
 */
export function fromPlanes(planes: usize, pixels: i32, channels: i32, map: usize, offsets: usize): void {
  const planeBytes = <usize>pixels * 4
  for (let i = 0; i < pixels; i++) {
    let to = map + load<u32>(offsets + <usize>i * 4)
    let from = planes + <usize>i * 4
    for (let c = 0; c < channels; c++) {
      f32.store(to, f32.load(from))
      to += 4
      from += planeBytes
    }
  }
}

/** Writes one picture of a map as planes. */
export function toPlanes(map: usize, offsets: usize, pixels: i32, channels: i32, planes: usize): void {
  const planeBytes = <usize>pixels * 4
  for (let i = 0; i < pixels; i++) {
    let from = map + load<u32>(offsets + <usize>i * 4)
    let to = planes + <usize>i * 4
    for (let c = 0; c < channels; c++) {
      f32.store(to, f32.load(from))
      from += 4
      to += planeBytes
    }
  }
}

/** Copies `channels` numbers of each pixel from one map to another. */
export function copyPixels(
  x: usize,
  xOffsets: usize,
  pixels: i32,
  channels: i32,
  out: usize,
  outOffsets: usize,
): void {
  const whole = <usize>(channels & ~3) * 4
  const rest = channels & 3
  for (let i = 0; i < pixels; i++) {
    let from = x + load<u32>(xOffsets + <usize>i * 4)
    let to = out + load<u32>(outOffsets + <usize>i * 4)
    for (const end = from + whole; from < end; from += 16) {
      v128.store(to, v128.load(from))
      to += 16
    }
    for (let r = 0; r < rest; r++) {
      f32.store(to, f32.load(from))
      from += 4
      to += 4
    }
  }
}

/**
 * Writes one number over the border of a map. The pixels inside stay.
 *
 * @param rowBytes a row with its border; it and what follows are multiples of 4
 * @param before, after bytes of a row before and behind the pixels
 */
export function fillBorder(
  map: usize,
  rowBytes: usize,
  top: i32,
  height: i32,
  bottom: i32,
  before: usize,
  after: usize,
  value: f32,
): void {
  map = fill(map, <usize>top * rowBytes, value)
  for (let y = 0; y < height; y++) {
    fill(map, before, value)
    map += rowBytes
    fill(map - after, after, value)
  }
  fill(map, <usize>bottom * rowBytes, value)
}

function fill(from: usize, bytes: usize, value: f32): usize {
  const end = from + bytes
  const four = f32x4.splat(value)
  for (; from + 16 <= end; from += 16) v128.store(from, four)
  for (; from < end; from += 4) f32.store(from, value)
  return end
}

/** Stores the first `lanes` numbers of a vector. */
export function storeLanes(at: usize, values: v128, lanes: i32): void {
  if (lanes >= 4) {
    v128.store(at, values)
    return
  }
  if (lanes > 0) f32.store(at, f32x4.extract_lane(values, 0))
  if (lanes > 1) f32.store(at, f32x4.extract_lane(values, 1), 4)
  if (lanes > 2) f32.store(at, f32x4.extract_lane(values, 2), 8)
}

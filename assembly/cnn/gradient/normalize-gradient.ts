// Gradients of what looks at all channels of a pixel at once.

/**
 * The gradient of `layerNorm` with a scale of 1 and a bias of 0. With n = (x - mean) / deviation it is
 * (dy - mean(dy) - n mean(dy n)) / deviation. Sums are in float64.
 */
export function layerNormGradient(
  x: usize,
  xOffsets: usize,
  dy: usize,
  dyOffsets: usize,
  pixels: i32,
  channels: i32,
  epsilon: f32,
  out: usize,
  outOffsets: usize,
): void {
  const bytes = <usize>channels * 4
  const count = <f64>channels
  for (let i = 0; i < pixels; i++) {
    const table = <usize>i * 4
    const from = x + load<u32>(xOffsets + table)
    const gradient = dy + load<u32>(dyOffsets + table)
    const to = out + load<u32>(outOffsets + table)
    let sum: f64 = 0
    let sumOfGradients: f64 = 0
    for (let at: usize = 0; at < bytes; at += 4) {
      sum += <f64>f32.load(from + at)
      sumOfGradients += <f64>f32.load(gradient + at)
    }
    const mean = sum / count
    let squares: f64 = 0
    let products: f64 = 0
    for (let at: usize = 0; at < bytes; at += 4) {
      const distance = <f64>f32.load(from + at) - mean
      squares += distance * distance
      products += distance * <f64>f32.load(gradient + at)
    }
    const variance = squares / count + <f64>epsilon
    const factor = f32x4.splat(<f32>(1 / Math.sqrt(variance)))
    const slope = f32x4.splat(<f32>(products / count / variance))
    const centre = f32x4.splat(<f32>mean)
    const meanGradient = f32x4.splat(<f32>(sumOfGradients / count))
    for (let at: usize = 0; at < bytes; at += 16) {
      const distance = f32x4.sub(v128.load(from + at), centre)
      const rest = f32x4.sub(f32x4.sub(v128.load(gradient + at), meanGradient), f32x4.mul(distance, slope))
      v128.store(to + at, f32x4.mul(rest, factor))
    }
    clearPadding(to, channels)
  }
}

/** The gradient of `softmax`: y (dy - sum(dy y)). */
export function softmaxGradient(
  y: usize,
  yOffsets: usize,
  dy: usize,
  dyOffsets: usize,
  pixels: i32,
  channels: i32,
  out: usize,
  outOffsets: usize,
): void {
  const bytes = <usize>channels * 4
  for (let i = 0; i < pixels; i++) {
    const table = <usize>i * 4
    const from = y + load<u32>(yOffsets + table)
    const gradient = dy + load<u32>(dyOffsets + table)
    const to = out + load<u32>(outOffsets + table)
    let products: f64 = 0
    for (let at: usize = 0; at < bytes; at += 4)
      products += <f64>f32.load(from + at) * <f64>f32.load(gradient + at)
    const sum = f32x4.splat(<f32>products)
    for (let at: usize = 0; at < bytes; at += 16) {
      v128.store(to + at, f32x4.mul(v128.load(from + at), f32x4.sub(v128.load(gradient + at), sum)))
    }
    clearPadding(to, channels)
  }
}

/** Sets the numbers between the channels of a pixel and the next pixel to 0. */
// @ts-ignore: decorator
@inline
function clearPadding(pixel: usize, channels: i32): void {
  for (let channel = channels; (channel & 3) != 0; channel++) f32.store(pixel + <usize>channel * 4, 0)
}

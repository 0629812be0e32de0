// Weights of the convolution that computes the gradient of a convolution's input.

/** Channels that are turned together: what a filter has for them lies side by side. */
const CHANNELS: i32 = 8

/**
 * Turns weights by 180 degrees and exchanges inputs and outputs: [filters][channels][taps] become
 * [channels][filters][taps in reverse].
 *
 * @param scales a factor for each filter, or 0
 */
export function turnWeights(
  from: usize,
  filters: i32,
  channels: i32,
  taps: i32,
  scales: usize,
  to: usize,
): void {
  const tapBytes = <usize>taps * 4
  const rowBytes = <usize>filters * tapBytes
  const vectorBytes = tapBytes & ~15
  for (let channel = 0; channel < channels; channel += CHANNELS) {
    const count = min(CHANNELS, channels - channel)
    for (let filter = 0; filter < filters; filter++) {
      const factor: f32 = scales ? f32.load(scales + <usize>filter * 4) : 1
      const factors = f32x4.splat(factor)
      let at = from + <usize>(filter * channels + channel) * tapBytes
      let own = to + <usize>channel * rowBytes + <usize>filter * tapBytes
      for (let i = 0; i < count; i++) {
        const end = own + tapBytes
        let tap: usize = 0
        for (; tap < vectorBytes; tap += 16) {
          const numbers = f32x4.mul(v128.load(at + tap), factors)
          v128.store(end - tap - 16, v128.shuffle<f32>(numbers, numbers, 3, 2, 1, 0))
        }
        for (; tap < tapBytes; tap += 4) f32.store(end - tap - 4, f32.load(at + tap) * factor)
        at += tapBytes
        own += rowBytes
      }
    }
  }
}

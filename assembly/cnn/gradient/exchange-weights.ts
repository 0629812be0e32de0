// Weights of the convolutions that compute the gradient of a convolution's input.

/** Channels that are moved together: what a filter has for them lies side by side. */
const CHANNELS: i32 = 8

/**
 * Exchanges inputs and outputs: [filters][channels][taps] become [channels][filters][taps].
 *
 * @param scales a factor for each filter, or 0
 * @param isTurned 1 to turn them by 180 degrees, too, so that the taps are in reverse
 */
export function exchangeWeights(
  from: usize,
  filters: i32,
  channels: i32,
  taps: i32,
  scales: usize,
  isTurned: i32,
  to: usize,
): void {
  const tapBytes = <usize>taps * 4
  const rowBytes = <usize>filters * tapBytes
  const vectorBytes = tapBytes & ~15
  const last = tapBytes - 4
  for (let channel = 0; channel < channels; channel += CHANNELS) {
    const count = min(CHANNELS, channels - channel)
    for (let filter = 0; filter < filters; filter++) {
      const factor: f32 = scales ? f32.load(scales + <usize>filter * 4) : 1
      const factors = f32x4.splat(factor)
      let at = from + <usize>(filter * channels + channel) * tapBytes
      let own = to + <usize>channel * rowBytes + <usize>filter * tapBytes
      for (let i = 0; i < count; i++) {
        let tap: usize = 0
        for (; tap < vectorBytes; tap += 16) {
          const numbers = f32x4.mul(v128.load(at + tap), factors)
          if (!isTurned) v128.store(own + tap, numbers)
          else v128.store(own + last - tap - 12, v128.shuffle<f32>(numbers, numbers, 3, 2, 1, 0))
        }
        for (; tap < tapBytes; tap += 4) {
          f32.store(own + (isTurned ? last - tap : tap), f32.load(at + tap) * factor)
        }
        at += tapBytes
        own += rowBytes
      }
    }
  }
}

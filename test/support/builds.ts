/**
 * Whether this host supports relaxed SIMD, tested with a module of one such instruction; Node does from version 22 on.
 */
export const hasRelaxedSimd = WebAssembly.validate(
  // (module (func (result v128) i32.const 0 i8x16.splat i32.const 0 i8x16.splat i8x16.relaxed_swizzle))
  Uint8Array.of(
    ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0],
    ...[10, 15, 1, 13, 0, 65, 0, 253, 15, 65, 0, 253, 15, 253, 128, 2, 11],
  ),
)

/** The builds of the engine that this host can run. */
export const builds = hasRelaxedSimd ? (['strict', 'relaxed'] as const) : (['strict'] as const)

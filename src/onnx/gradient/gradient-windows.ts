import type { GraphBuilder, Tensor } from './graph-builder.ts'
import type { Operation } from './rule.ts'

/** The attributes of a window, one number per spatial axis, with padding written out. */
export interface Window {
  kernel: number[]
  strides: number[]
  dilations: number[]
  /** Padding before the first element. */
  before: number[]
  /** Padding after the last element. */
  after: number[]
}

/** Reads a window's attributes. @param kernel its sizes @param x the sizes of the map that it slides over */
export function windowOf(op: Operation, kernel: number[], x: number[]): Window {
  const strides = op.integers('strides') ?? kernel.map(() => 1)
  const dilations = op.integers('dilations') ?? kernel.map(() => 1)
  const pads = op.integers('pads') ?? kernel.flatMap(() => [0, 0])
  const autoPad = op.text('auto_pad', 'NOTSET')
  let [before, after] = [pads.slice(0, kernel.length), pads.slice(kernel.length)]
  if (autoPad === 'VALID') [before, after] = [kernel.map(() => 0), kernel.map(() => 0)]
  if (autoPad.startsWith('SAME')) {
    const total = kernel.map((length, i) => {
      const side = x[i + 2]
      const reach = (length - 1) * dilations[i] + 1
      return Math.max(0, (Math.ceil(side / strides[i]) - 1) * strides[i] + reach - side)
    })
    const small = total.map((n) => Math.floor(n / 2))
    const large = total.map((n, i) => n - small[i])
    ;[before, after] = autoPad === 'SAME_UPPER' ? [small, large] : [large, small]
  }
  return { kernel, strides, dilations, before, after }
}

/** The attributes that Conv and ConvTranspose share. */
export function attributesOf({ strides, dilations, before, after }: Window, group: number) {
  return {
    strides: strides.map(BigInt),
    dilations: dilations.map(BigInt),
    pads: [...before, ...after].map(BigInt),
    group: BigInt(group),
  }
}

/** All positions within a window, row by row. */
export function positions(kernel: number[]): number[][] {
  return kernel.reduce<number[][]>(
    (all, length) => all.flatMap((at) => Array.from({ length }, (_, i) => [...at, i])),
    [[]],
  )
}

/**
 * The elements of the map that each position of the window covers: one strided slice of the padded map for each, in the order of `positions`.
 *
 * @param map [A, B, ...sides], padded
 * @param sides number of places of the window along each axis
 */
export function shifts(g: GraphBuilder, map: Tensor, window: Window, sides: number[]): Tensor[] {
  const { kernel, strides, dilations } = window
  const axes = kernel.map((_, i) => i + 2)
  return positions(kernel).map((at) => {
    const starts = at.map((n, i) => n * dilations[i])
    const ends = starts.map((start, i) => start + (sides[i] - 1) * strides[i] + 1)
    return g.slice(map, axes, starts, ends, strides)
  })
}

/** Pads a map [N, C, ...sides] so that it contains every place of the window. */
export function padded(g: GraphBuilder, x: Tensor, window: Window, places: number[], value = 0): Tensor {
  const sides = g.dims(x).slice(2)
  const { kernel, strides, dilations, before } = window
  const after = sides.map((side, i) =>
    Math.max(0, (places[i] - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1 - before[i] - side),
  )
  return g.pad(x, [0, 0, ...before], [0, 0, ...after], value)
}

/**
 * The adjoint of a sum over windows: adds each value of `patches` to the elements that its window covered.
 *
 * @param patches [N, channels, ...places]
 * @param kernel [channels, 1, ...kernel] or [channels, channels / group, ...kernel]
 * @param x sizes of the map [N, C, ...sides]
 */
export function scatter(
  g: GraphBuilder,
  patches: Tensor,
  kernel: Tensor,
  window: Window,
  group: number,
  x: number[],
): Tensor {
  const { strides, dilations, before } = window
  const whole = g.emit('ConvTranspose', [patches, kernel], {
    strides: strides.map(BigInt),
    dilations: dilations.map(BigInt),
    group: BigInt(group),
  })
  const sides = x.slice(2)
  const axes = sides.map((_, i) => i + 2)
  const made = g.dims(whole).slice(2)
  // With ceil_mode a last window may reach beyond the padding, and without it, elements may be left over.
  const missing = sides.map((side, i) => Math.max(0, before[i] + side - made[i]))
  const long = g.pad(whole, [0, 0, ...sides.map(() => 0)], [0, 0, ...missing])
  return g.slice(
    long,
    axes,
    before,
    sides.map((side, i) => before[i] + side),
  )
}

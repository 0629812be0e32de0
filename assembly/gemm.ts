// Matrix product X * Z^T in register tiles.
//
// Layouts. `panels` (packed Z): groups of TILE_COLS rows, each group stored column by column (8 values of column 0,
// 8 of column 1, ...). `strips` (packed X): the same with TILE_ROWS rows per group. The last group is padded with
// zero rows.
//
// Every dot product is summed in the same order whichever tile it falls into: in blocks of DEPTH columns, column by
// column from zero inside a block, then block by block. So a product does not depend on how rows are grouped, and
// x.z and z.x are bitwise equal. Blocking also keeps the rounding error of long sums small.

import { madd, TILE_COLS, TILE_ROWS } from './simd'

/**
 * Columns of X that a tile accumulates in registers before it adds to memory. The slice of a panel (64 kB) stays in
 * L2. With 512 it would stay in L1, but rows of 2,048 columns took 10 % longer because of more passes over the output.
 */
const DEPTH: i32 = 2048

// @ts-ignore: decorator
@inline
function put(out: usize, sum0: v128, sum1: v128, add: bool): void {
  if (add) {
    sum0 = f32x4.add(v128.load(out), sum0)
    sum1 = f32x4.add(v128.load(out, 16), sum1)
  }
  v128.store(out, sum0)
  v128.store(out, sum1, 16)
}

/** 4 x 8 dot products over `depth` columns. */
function tile4(a: usize, b: usize, depth: i32, out: usize, stride: usize, add: bool): void {
  let s00 = f32x4.splat(0)
  let s01 = f32x4.splat(0)
  let s10 = f32x4.splat(0)
  let s11 = f32x4.splat(0)
  let s20 = f32x4.splat(0)
  let s21 = f32x4.splat(0)
  let s30 = f32x4.splat(0)
  let s31 = f32x4.splat(0)
  for (let k = 0; k < depth; k++) {
    const b0 = v128.load(b)
    const b1 = v128.load(b, 16)
    let x = v128.load_splat<f32>(a)
    s00 = madd(x, b0, s00)
    s01 = madd(x, b1, s01)
    x = v128.load_splat<f32>(a, 4)
    s10 = madd(x, b0, s10)
    s11 = madd(x, b1, s11)
    x = v128.load_splat<f32>(a, 8)
    s20 = madd(x, b0, s20)
    s21 = madd(x, b1, s21)
    x = v128.load_splat<f32>(a, 12)
    s30 = madd(x, b0, s30)
    s31 = madd(x, b1, s31)
    a += 16
    b += 32
  }
  put(out, s00, s01, add)
  put(out + stride, s10, s11, add)
  put(out + 2 * stride, s20, s21, add)
  put(out + 3 * stride, s30, s31, add)
}

/** 6 x 8 dot products over `depth` columns. */
function tile6(a: usize, b: usize, depth: i32, out: usize, stride: usize, add: bool): void {
  let s00 = f32x4.splat(0)
  let s01 = f32x4.splat(0)
  let s10 = f32x4.splat(0)
  let s11 = f32x4.splat(0)
  let s20 = f32x4.splat(0)
  let s21 = f32x4.splat(0)
  let s30 = f32x4.splat(0)
  let s31 = f32x4.splat(0)
  let s40 = f32x4.splat(0)
  let s41 = f32x4.splat(0)
  let s50 = f32x4.splat(0)
  let s51 = f32x4.splat(0)
  for (let k = 0; k < depth; k++) {
    const b0 = v128.load(b)
    const b1 = v128.load(b, 16)
    let x = v128.load_splat<f32>(a)
    s00 = madd(x, b0, s00)
    s01 = madd(x, b1, s01)
    x = v128.load_splat<f32>(a, 4)
    s10 = madd(x, b0, s10)
    s11 = madd(x, b1, s11)
    x = v128.load_splat<f32>(a, 8)
    s20 = madd(x, b0, s20)
    s21 = madd(x, b1, s21)
    x = v128.load_splat<f32>(a, 12)
    s30 = madd(x, b0, s30)
    s31 = madd(x, b1, s31)
    x = v128.load_splat<f32>(a, 16)
    s40 = madd(x, b0, s40)
    s41 = madd(x, b1, s41)
    x = v128.load_splat<f32>(a, 20)
    s50 = madd(x, b0, s50)
    s51 = madd(x, b1, s51)
    a += 24
    b += 32
  }
  put(out, s00, s01, add)
  put(out + stride, s10, s11, add)
  put(out + 2 * stride, s20, s21, add)
  put(out + 3 * stride, s30, s31, add)
  put(out + 4 * stride, s40, s41, add)
  put(out + 5 * stride, s50, s51, add)
}

// @ts-ignore: decorator
@inline
function tile(a: usize, b: usize, depth: i32, out: usize, stride: usize, add: bool): void {
  if (TILE_ROWS == 6) tile6(a, b, depth, out, stride, add)
  else tile4(a, b, depth, out, stride, add)
}

/**
 * Scratch for a tile that extends past the last output row: it is computed here and only the existing rows are copied.
 * Each instance sets its own address, because threads share the memory and therefore any static data of the module.
 */
let overhang: usize = 0

/** Bytes of scratch that `useScratch` requires. */
export const SCRATCH_BYTES: i32 = 6 * 8 * 4

/** Sets the scratch memory of this instance: `SCRATCH_BYTES` bytes that no other instance uses. */
export function useScratch(address: usize): void {
  overhang = address
}

/**
 * out[i][j] = strips[i] . panels[j] for `rows` x `cols` pairs, in f32.
 *
 * @param cols a multiple of TILE_COLS
 * @param width columns of the rows that are multiplied
 * @param stride bytes between rows of `out`
 */
export function dotProducts(
  strips: usize,
  rows: i32,
  panels: usize,
  cols: i32,
  width: i32,
  out: usize,
  stride: usize,
): void {
  const wholeStrips = rows / TILE_ROWS
  const restRows = rows - wholeStrips * TILE_ROWS
  const stripBytes = <usize>width * TILE_ROWS * 4
  const panelBytes = <usize>width * TILE_COLS * 4
  for (let from = 0; from < width; from += DEPTH) {
    const depth = min(DEPTH, width - from)
    const add = from > 0
    let panel = panels + <usize>from * TILE_COLS * 4
    for (let j = 0; j < cols; j += TILE_COLS) {
      let strip = strips + <usize>from * TILE_ROWS * 4
      let corner = out + <usize>j * 4
      for (let i = 0; i < wholeStrips; i++) {
        tile(strip, panel, depth, corner, stride, add)
        strip += stripBytes
        corner += <usize>TILE_ROWS * stride
      }
      if (restRows > 0) {
        tile(strip, panel, depth, overhang, 32, false)
        for (let r = 0; r < restRows; r++) {
          const made = overhang + <usize>r * 32
          put(corner, v128.load(made), v128.load(made, 16), add)
          corner += stride
        }
      }
      panel += panelBytes
    }
  }
}

/** out[j] = panels[j] . panels[j] in f32, bitwise equal to what `dotProducts` computes for the same pair. */
export function selfProducts(panels: usize, cols: i32, width: i32, out: usize): void {
  for (let j = 0; j < cols; j += TILE_COLS) {
    let total0 = f32x4.splat(0)
    let total1 = f32x4.splat(0)
    for (let from = 0; from < width; from += DEPTH) {
      const to = min(from + DEPTH, width)
      let sum0 = f32x4.splat(0)
      let sum1 = f32x4.splat(0)
      for (let k = from; k < to; k++) {
        const x0 = v128.load(panels)
        const x1 = v128.load(panels, 16)
        sum0 = madd(x0, x0, sum0)
        sum1 = madd(x1, x1, sum1)
        panels += 32
      }
      total0 = from > 0 ? f32x4.add(total0, sum0) : sum0
      total1 = from > 0 ? f32x4.add(total1, sum1) : sum1
    }
    v128.store(out, total0)
    v128.store(out, total1, 16)
    out += 32
  }
}

/** out[i] = strips[i] . strips[i] in f32, bitwise equal to what `dotProducts` computes for the same pair. */
export function stripNorms(strips: usize, rows: i32, width: i32, out: usize): void {
  for (let i = 0; i < rows; i++) {
    let at = strips + <usize>(i / TILE_ROWS) * <usize>width * TILE_ROWS * 4 + <usize>(i % TILE_ROWS) * 4
    let total = f32x4.splat(0)
    for (let from = 0; from < width; from += DEPTH) {
      const to = min(from + DEPTH, width)
      let sum = f32x4.splat(0)
      for (let k = from; k < to; k++) {
        const x = v128.load_splat<f32>(at)
        sum = madd(x, x, sum)
        at += TILE_ROWS * 4
      }
      total = from > 0 ? f32x4.add(total, sum) : sum
    }
    f32.store(out + <usize>i * 4, f32x4.extract_lane(total, 0))
  }
}

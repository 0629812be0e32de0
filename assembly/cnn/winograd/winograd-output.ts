// The transform of sums into pixels: a pass over the rows of a tile of sums, whose results stay in the first-level cache, and
// one over its columns.
//
// The tile lies in `scratch` row by row. The bytes of a row are written out, so that they become offsets of loads and stores.
// Each form has a function of its own, since the compiler would fold alike arms of one `if` into one loop that tests the
// form again and again. Planes that a tile leaves out have any numbers, which go to rows that no column takes.

import { panelWidth, WIDE } from '../tile'
import {
  F2,
  F4,
  inputSide,
  STRIDED2,
  STRIDED4,
  THREE_COLUMNS,
  THREE_ROWS,
  WinogradLayer,
} from './winograd-layer'
import { backwardStrided2, backwardStrided3, backwardStrided4 } from './winograd-strided'
import { backward2 } from './winograd2'
import { backward3 } from './winograd3'
import { backward4 } from './winograd4'

/** A row of sums to a row of the scratch. */
// @ts-ignore: decorator
@inline
function backwardRow(form: i32, hasThree: bool, from: usize, step: usize, to: usize): void {
  if (form == F4 && hasThree) backward3(from, step, to, 16)
  else if (form == STRIDED4 && hasThree) backwardStrided3(from, step, to, 16)
  else if (form == F4) backward4(from, step, to, 16)
  else if (form == F2) backward2(from, step, to, 16)
  else if (form == STRIDED4) backwardStrided4(from, step, to, 16)
  else backwardStrided2(from, step, to, 16)
}

/** A column of the scratch to a column of pixels there. */
// @ts-ignore: decorator
@inline
function backwardColumn(form: i32, hasThree: bool, from: usize, to: usize): void {
  if (form == F4 && hasThree) backward3(from, 64, to, 64)
  else if (form == STRIDED4 && hasThree) backwardStrided3(from, 64, to, 64)
  else if (form == F4) backward4(from, 64, to, 64)
  else if (form == F2) backward2(from, 32, to, 32)
  else if (form == STRIDED4) backwardStrided4(from, 64, to, 64)
  else backwardStrided2(from, 32, to, 32)
}

// @ts-ignore: decorator
@inline
function backwardTiles(
  form: i32,
  row: usize,
  layer: WinogradLayer,
  sums: usize,
  sumBytes: usize,
  tile: i32,
  count: i32,
  filter: i32,
  out: usize,
  residual: usize,
  scratch: usize,
): void {
  const side = <usize>inputSide(form)
  const pixels = scratch + side * row
  const low = f32x4.splat(layer.epilogue.low)
  const high = f32x4.splat(layer.epilogue.high)
  const width = min(panelWidth(layer.filters - filter), layer.filters - filter)
  const first = <usize>filter * 4
  for (let t = tile; t < tile + count; t++) {
    const entry = layer.outTiles + <usize>t * 8
    const corner = out + first + load<u32>(entry)
    const size = load<u32>(entry, 4)
    const rows = size & 255
    const columns = (size >> 8) & 255
    const hasThreeRows = (size & THREE_ROWS) != 0
    const hasThreeColumns = (size & THREE_COLUMNS) != 0
    const added = residual ? residual + first + load<u32>(layer.residualTiles + <usize>t * 4) : 0
    for (let at: usize = 0; at < <usize>width * 4; at += 16) {
      let plane = sums + at
      for (let at = scratch; at < pixels; at += row) {
        backwardRow(form, hasThreeColumns, plane, sumBytes, at)
        plane += side * sumBytes
      }
      for (let column: usize = 0; column < row; column += 16) {
        backwardColumn(form, hasThreeRows, scratch + column, pixels + column)
      }
      const bias = v128.load(layer.bias + first + at)
      let to = corner + at
      let more = added + at
      const end = pixels + <usize>rows * row
      for (let line = pixels; line < end; line += row) {
        let pixel = to
        let own = more
        for (let from = line, last = line + <usize>columns * 16; from < last; from += 16) {
          let sum = f32x4.add(v128.load(from), bias)
          if (added) sum = f32x4.add(sum, v128.load(own))
          // In this order of arguments a NaN stays one.
          v128.store(pixel, f32x4.pmin(f32x4.pmax(sum, low), high))
          pixel += layer.outPixelBytes
          own += layer.residualPixelBytes
        }
        to += layer.outRowBytes
        more += layer.residualRowBytes
      }
    }
    sums += WIDE * 4
  }
}

function backwardTiles4(
  layer: WinogradLayer,
  sums: usize,
  sumBytes: usize,
  tile: i32,
  count: i32,
  filter: i32,
  out: usize,
  residual: usize,
  scratch: usize,
): void {
  backwardTiles(F4, 64, layer, sums, sumBytes, tile, count, filter, out, residual, scratch)
}

function backwardTiles2(
  layer: WinogradLayer,
  sums: usize,
  sumBytes: usize,
  tile: i32,
  count: i32,
  filter: i32,
  out: usize,
  residual: usize,
  scratch: usize,
): void {
  backwardTiles(F2, 32, layer, sums, sumBytes, tile, count, filter, out, residual, scratch)
}

function backwardTilesStrided4(
  layer: WinogradLayer,
  sums: usize,
  sumBytes: usize,
  tile: i32,
  count: i32,
  filter: i32,
  out: usize,
  residual: usize,
  scratch: usize,
): void {
  backwardTiles(STRIDED4, 64, layer, sums, sumBytes, tile, count, filter, out, residual, scratch)
}

function backwardTilesStrided2(
  layer: WinogradLayer,
  sums: usize,
  sumBytes: usize,
  tile: i32,
  count: i32,
  filter: i32,
  out: usize,
  residual: usize,
  scratch: usize,
): void {
  backwardTiles(STRIDED2, 32, layer, sums, sumBytes, tile, count, filter, out, residual, scratch)
}

/**
 * Transforms the sums of a panel's filters into pixels, and finishes them: adds bias and residual, and clamps.
 *
 * @param sumBytes from the sums of one plane to those of the next
 * @param filter the first filter of the panel
 * @param residual a map to add, or 0
 */
export function outputTiles(
  layer: WinogradLayer,
  sums: usize,
  sumBytes: usize,
  tile: i32,
  count: i32,
  filter: i32,
  out: usize,
  residual: usize,
  scratch: usize,
): void {
  const form = layer.form
  if (form == F4) {
    backwardTiles4(layer, sums, sumBytes, tile, count, filter, out, residual, scratch)
  } else if (form == F2) {
    backwardTiles2(layer, sums, sumBytes, tile, count, filter, out, residual, scratch)
  } else if (form == STRIDED4) {
    backwardTilesStrided4(layer, sums, sumBytes, tile, count, filter, out, residual, scratch)
  } else backwardTilesStrided2(layer, sums, sumBytes, tile, count, filter, out, residual, scratch)
}

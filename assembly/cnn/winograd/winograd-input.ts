// The transform of tiles of the input into planes: a pass over the columns of a tile, whose results stay in the first-level
// cache, and one over its rows.
//
// The tile lies in `scratch` row by row. The bytes of a row are written out, so that they become offsets of loads and stores.
// Each form has a function of its own, since the compiler would fold alike arms of one `if` into one loop that tests the
// form again and again. Planes that a tile leaves out get any numbers: no product reads them.

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
import { forwardStrided2, forwardStrided3, forwardStrided4 } from './winograd-strided'
import { forward2 } from './winograd2'
import { forward3 } from './winograd3'
import { forward4 } from './winograd4'

/** A column of the map to a column of the scratch. */
// @ts-ignore: decorator
@inline
function forwardColumn(form: i32, hasThree: bool, from: usize, step: usize, to: usize): void {
  if (form == F4 && hasThree) forward3(from, step, to, 96)
  else if (form == STRIDED4 && hasThree) forwardStrided3(from, step, to, 144)
  else if (form == F4) forward4(from, step, to, 96)
  else if (form == F2) forward2(from, step, to, 64)
  else if (form == STRIDED4) forwardStrided4(from, step, to, 144)
  else forwardStrided2(from, step, to, 80)
}

/** A row of the scratch to a row of planes. */
// @ts-ignore: decorator
@inline
function forwardRow(form: i32, hasThree: bool, from: usize, to: usize, step: usize): void {
  if (form == F4 && hasThree) forward3(from, 16, to, step)
  else if (form == STRIDED4 && hasThree) forwardStrided3(from, 16, to, step)
  else if (form == F4) forward4(from, 16, to, step)
  else if (form == F2) forward2(from, 16, to, step)
  else if (form == STRIDED4) forwardStrided4(from, 16, to, step)
  else forwardStrided2(from, 16, to, step)
}

// @ts-ignore: decorator
@inline
function forwardTiles(
  form: i32,
  row: usize,
  layer: WinogradLayer,
  x: usize,
  tile: i32,
  count: i32,
  planes: usize,
  planeBytes: usize,
  scratch: usize,
): void {
  const side = <usize>inputSide(form)
  const rowBytes = layer.rowBytes
  const pixelBytes = layer.pixelBytes
  let table = layer.xTiles + <usize>tile * 4
  let sizes = layer.outTiles + <usize>tile * 8 + 4
  for (const last = table + <usize>count * 4; table < last; table += 4) {
    let from = x + load<u32>(table)
    const flags = load<u32>(sizes)
    const hasThreeRows = (flags & THREE_ROWS) != 0
    const hasThreeColumns = (flags & THREE_COLUMNS) != 0
    sizes += 8
    for (const end = from + pixelBytes; from < end; from += 16) {
      let column = from
      for (let at = scratch, behind = scratch + row; at < behind; at += 16) {
        forwardColumn(form, hasThreeRows, column, rowBytes, at)
        column += pixelBytes
      }
      let plane = planes
      for (let at = scratch, behind = scratch + side * row; at < behind; at += row) {
        forwardRow(form, hasThreeColumns, at, plane, planeBytes)
        plane += side * planeBytes
      }
      planes += 16
    }
  }
}

function forwardTiles4(
  layer: WinogradLayer,
  x: usize,
  tile: i32,
  count: i32,
  planes: usize,
  planeBytes: usize,
  scratch: usize,
): void {
  forwardTiles(F4, 96, layer, x, tile, count, planes, planeBytes, scratch)
}

function forwardTiles2(
  layer: WinogradLayer,
  x: usize,
  tile: i32,
  count: i32,
  planes: usize,
  planeBytes: usize,
  scratch: usize,
): void {
  forwardTiles(F2, 64, layer, x, tile, count, planes, planeBytes, scratch)
}

function forwardTilesStrided4(
  layer: WinogradLayer,
  x: usize,
  tile: i32,
  count: i32,
  planes: usize,
  planeBytes: usize,
  scratch: usize,
): void {
  forwardTiles(STRIDED4, 144, layer, x, tile, count, planes, planeBytes, scratch)
}

function forwardTilesStrided2(
  layer: WinogradLayer,
  x: usize,
  tile: i32,
  count: i32,
  planes: usize,
  planeBytes: usize,
  scratch: usize,
): void {
  forwardTiles(STRIDED2, 80, layer, x, tile, count, planes, planeBytes, scratch)
}

/**
 * Transforms all channels of tiles of the input into their planes.
 *
 * @param tile the first tile
 * @param planeBytes from plane to plane
 */
export function inputTiles(
  layer: WinogradLayer,
  x: usize,
  tile: i32,
  count: i32,
  planes: usize,
  planeBytes: usize,
  scratch: usize,
): void {
  const form = layer.form
  if (form == F4) forwardTiles4(layer, x, tile, count, planes, planeBytes, scratch)
  else if (form == F2) forwardTiles2(layer, x, tile, count, planes, planeBytes, scratch)
  else if (form == STRIDED4) forwardTilesStrided4(layer, x, tile, count, planes, planeBytes, scratch)
  else forwardTilesStrided2(layer, x, tile, count, planes, planeBytes, scratch)
}

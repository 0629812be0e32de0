// Which tiles of a block have a plane. Tiles with three rows or columns leave out the planes of the fourth, so that there are
// four kinds of planes: of all tiles, of those with four rows, of those with four columns, and of those with both.

import { TILE_PIXELS } from '../tile'
import { isForFour, WinogradLayer } from './winograd-layer'

/** The kind of a plane: THREE_ROWS and THREE_COLUMNS, of the tiles that lack it, shifted by this. */
const SHIFT: i32 = 16

// @ts-ignore: decorator
@inline
export function kindOfPlane(form: i32, row: i32, column: i32): i32 {
  return <i32>isForFour(form, row) | ((<i32>isForFour(form, column)) << 1)
}

/** A list has the number of its tiles, where they begin in a plane, and where in the sums of a plane. */
// @ts-ignore: decorator
@inline
export function listOf(kind: i32, lists: usize, block: i32): usize {
  return lists + <usize>(kind - 1) * 2 * sumRowsIn(block)
}

/** Where in a list the places in the sums of a plane begin. */
// @ts-ignore: decorator
@inline
export function sumRowsIn(block: i32): usize {
  return <usize>(block + TILE_PIXELS) * 4
}

/**
 * Lists the tiles of a block for the kinds 1 to 3. The last tile of a list is repeated, since products go through whole
 * groups of tiles.
 *
 * @param lists room for 3 x 2 x (block + TILE_PIXELS) u32
 */
export function listTiles(layer: WinogradLayer, tile: i32, count: i32, lists: usize): void {
  const toSums = sumRowsIn(layer.block) - 4
  for (let kind = 1; kind < 4; kind++) {
    const lacking = (<u32>kind) << SHIFT
    const list = listOf(kind, lists, layer.block)
    let size = layer.outTiles + <usize>tile * 8 + 4
    let at = list + 4
    for (let t: usize = 0; t < <usize>count * 4; t += 4) {
      if (!(load<u32>(size) & lacking)) {
        store<u32>(at, load<u32>(layer.planeRows + t))
        store<u32>(at + toSums, load<u32>(layer.sumRows + t))
        at += 4
      }
      size += 8
    }
    store<i32>(list, <i32>(at - list - 4) >> 2)
    for (const end = at + 4 * (TILE_PIXELS - 1); at < end; at += 4) {
      store<u32>(at, load<u32>(at - 4))
      store<u32>(at + toSums, load<u32>(at + toSums - 4))
    }
  }
}

import { lacksRow, Problem } from './problem'

/**
 * Lists at most `limit` points in [from, to) that have no kernel row and violate the optimality conditions most: half
 * of them points that should go up and half points that should go down, more of one kind if the other has fewer. The
 * solver will soon need their rows, and computing rows in batches is cheap.
 *
 * @param indexes i32: room for 2 * `limit` points; receives the list
 * @param from a multiple of 4
 * @param to a multiple of 4
 * @returns the number of points listed
 */
export function violators(problem: usize, indexes: usize, limit: i32, from: i32, to: i32): i32 {
  const p = changetype<Problem>(problem)
  let rising = worst(p, indexes, limit, p.up, 1, from, to)
  const falling = worst(p, indexes + <usize>limit * 4, limit, p.down, -1, from, to)
  rising = min(rising, max(limit / 2, limit - falling))
  const count = min(limit, rising + falling)
  memory.copy(indexes + <usize>rising * 4, indexes + <usize>limit * 4, <usize>(count - rising) * 4)
  return count
}

function worst(p: Problem, indexes: usize, limit: i32, moves: usize, sign: f32, from: i32, to: i32): i32 {
  const signs = f32x4.splat(sign)
  let bar = <f32>p.middle * sign
  let count = 0
  for (let four = from; four < to; four += 4) {
    const at = <usize>four * 4
    const f = f32x4.mul(f32x4.add(v128.load(p.shifted + at), v128.load(moves + at)), signs)
    const lacking = i32x4.eq(v128.load(p.firstRow + at), i32x4.splat(0))
    // Few points exceed the current bar: skip four at a time.
    if (!v128.any_true(v128.and(lacking, f32x4.lt(f, f32x4.splat(bar))))) continue
    for (let k = four; k < four + 4; k++) {
      const violation = (f32.load(p.shifted + <usize>k * 4) + f32.load(moves + <usize>k * 4)) * sign
      if (!(violation < bar) || !lacksRow(p, k)) continue
      // Insertion sort, ascending.
      let place = count < limit ? count++ : count - 1
      while (place > 0 && value(p, indexes, place - 1, sign) > violation) {
        i32.store(indexes + <usize>place * 4, i32.load(indexes + <usize>(place - 1) * 4))
        place--
      }
      i32.store(indexes + <usize>place * 4, k)
      if (count == limit) bar = value(p, indexes, count - 1, sign)
    }
  }
  return count
}

// @ts-ignore: decorator
@inline
function value(p: Problem, indexes: usize, place: i32, sign: f32): f32 {
  return f32.load(p.shifted + <usize>i32.load(indexes + <usize>place * 4) * 4) * sign
}

import { Problem } from './problem'

/**
 * Lists points from `from` to `to` without a kernel row, at most `limit`, that violate the conditions most: half of
 * those that should go up, half of those that should go down, more where the others are fewer. Their rows are wanted
 * soon, and rows are cheap by the dozen.
 *
 * @param indexes room for twice as many
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
  const middle = <f32>p.middle * sign
  let count = 0
  for (let k = from; k < to; k++) {
    const at = <usize>k * 4
    const f = (f32.load(p.shifted + at) + f32.load(moves + at)) * sign
    if (!(f < middle) || load<usize>(p.firstRow + at) != 0) continue
    if (count == limit && f >= value(p, indexes, count - 1, sign)) continue
    // Sorted, least first: make room for the newcomer.
    let place = count < limit ? count++ : count - 1
    while (place > 0 && value(p, indexes, place - 1, sign) > f) {
      i32.store(indexes + <usize>place * 4, i32.load(indexes + <usize>(place - 1) * 4))
      place--
    }
    i32.store(indexes + <usize>place * 4, k)
  }
  return count
}

// @ts-ignore: decorator
@inline
function value(p: Problem, indexes: usize, place: i32, sign: f32): f32 {
  return f32.load(p.shifted + <usize>i32.load(indexes + <usize>place * 4) * 4) * sign
}

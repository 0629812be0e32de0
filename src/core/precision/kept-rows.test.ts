import { describe, expect, it } from 'vitest'
import { fromHalf } from './float16.ts'
import { keptRows } from './kept-rows.ts'

describe('kept rows', () => {
  it('of float32 are the numbers themselves', () => {
    const rows = keptRows(3, 2, 'float32')
    rows.put(Float32Array.of(1, 2, 3, 4), 1)
    const to = new Float32Array(2)
    rows.take(2, to)
    expect([...to]).toEqual([3, 4])
    rows.take(0, to)
    expect([...to]).toEqual([0, 0])
  })

  it('of float16 are the nearest float16, the even one of two', () => {
    const halves = Float32Array.from({ length: 0x7c00 }, (_, bits) => fromHalf(bits))
    const given: number[] = []
    const wanted: number[] = []
    const add = (number: number, half: number) => {
      given.push(number, -number)
      wanted.push(half, -half)
    }
    for (let bits = 0; bits < halves.length - 1; bits++) {
      const [half, next] = [halves[bits], halves[bits + 1]]
      const middle = (half + next) / 2
      add(half, half)
      add(middle, bits % 2 === 0 ? half : next)
      add(half + (next - half) * 0.49, half)
      add(half + (next - half) * 0.51, next)
    }
    for (const large of [65504, 65519, 65520, 1e30, Infinity]) add(large, 65504)
    const rows = keptRows(1, given.length, 'float16')
    rows.put(Float32Array.from(given), 0)
    const to = new Float32Array(given.length)
    rows.take(0, to)
    const wrong = wanted.findIndex((number, i) => to[i] !== number)
    expect([given[wrong], to[wrong], wanted[wrong]]).toEqual([undefined, undefined, undefined])
  })

  it('of float16 keep what is no number', () => {
    const rows = keptRows(1, 1, 'float16')
    rows.put(Float32Array.of(Number.NaN), 0)
    const to = new Float32Array(1)
    rows.take(0, to)
    expect(to[0]).toBeNaN()
  })
})

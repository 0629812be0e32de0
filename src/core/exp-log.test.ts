import { expect, test } from 'vitest'
import { exp, log } from './exp-log.ts'

/** The host's functions are accurate to about one unit in the last place. */
const close = (ours: number, theirs: number) =>
  expect(Math.abs(ours - theirs)).toBeLessThanOrEqual(4e-16 * Math.abs(theirs) + 5e-324)

test('exp', () => {
  for (let x = -745; x <= 709; x += 0.37) close(exp(x), Math.exp(x))
  for (const x of [0, -0, 1, -1, 1e-300, 1e-9, -1e-9, 709.78, -708.4, -745.1]) close(exp(x), Math.exp(x))
  expect([exp(0), exp(710), exp(1e308), exp(-746), exp(-Infinity), exp(Infinity)]).toEqual([
    1,
    Infinity,
    Infinity,
    0,
    0,
    Infinity,
  ])
  expect(exp(Number.NaN)).toBeNaN()
})

test('log', () => {
  for (let x = 1e-320; x < 1e308; x *= 7.3) close(log(x), Math.log(x))
  for (const x of [0.5, 2, 0.7, 1.42, 1.00001, 0.99999, 5e-324, Number.MAX_VALUE]) {
    close(log(x), Math.log(x))
  }
  expect([log(1), log(0), log(Infinity)]).toEqual([0, -Infinity, Infinity])
  expect(log(-1)).toBeNaN()
  expect(log(Number.NaN)).toBeNaN()
})

test('log is the inverse of exp', () => {
  for (let x = -700; x < 700; x += 11.3) expect(log(exp(x))).toBeCloseTo(x, 11)
})

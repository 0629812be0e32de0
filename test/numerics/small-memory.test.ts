import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'

const program = `
  import { Matrix, SVC } from ${JSON.stringify(new URL('../../dist/lib/svm.js', import.meta.url).href)}
  const [rows, cols] = [3000, 32]
  let state = 1
  const random = () => (state = (state * 16807) % 2147483647) / 2147483647
  const X = new Matrix(new Float32Array(rows * cols).map(random), rows, cols)
  const y = Array.from({ length: rows }, () => (random() < 0.5 ? 'a' : 'b'))
  const svc = await new SVC({ cacheSize: 200 }).fit(X, y)
  console.log(JSON.stringify({ status: svc.fitStatus, rho: svc.intercept[0] }))
`

/** The result of a fit in a Node process that limits WebAssembly memory to this many pages of 64 KiB. */
function fitWith(pages: number): { status: string; rho: number } {
  const flags = [`--wasm-max-mem-pages=${pages}`, '--input-type=module', '--eval', program]
  return JSON.parse(execFileSync(process.execPath, flags).toString())
}

test('a host with less memory than cacheSize: the same model from a smaller cache', () => {
  const { rho: wanted } = fitWith(65_536)
  const { status, rho } = fitWith(500)
  expect(status).toBe('converged')
  expect(rho).toBeCloseTo(wanted, 3)
})

test('a host with too little memory for the rows: OUT_OF_MEMORY', () => {
  expect(() => fitWith(20)).toThrow(/MiB of WebAssembly memory are needed/)
})

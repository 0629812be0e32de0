import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { engineBindings } from '../../scripts/engine-bindings.js'
import { KERNEL_CODES } from '../../src/engine/kernel/kernel.ts'

const bindings = new URL('../../src/engine/wasm/bindings.ts', import.meta.url)

test('src/engine/wasm/bindings.ts is up to date with assembly/; `npm run build` writes it', async () => {
  expect(readFileSync(bindings, 'utf8')).toBe(await engineBindings())
}, 60_000)

test('every kernel has a unique code', () => {
  expect(new Set(Object.values(KERNEL_CODES)).size).toBe(Object.keys(KERNEL_CODES).length)
})

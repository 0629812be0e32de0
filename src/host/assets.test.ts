import { expect, it } from 'vitest'
import { type AssetName, readAsset } from './assets.ts'
import { numberOfCores } from './cores.ts'

it.each<AssetName>(['svm.wasm', 'svm.relaxed.wasm', 'tiny.onnx'])('%s ships', async (name) => {
  const bytes = await readAsset(name)
  expect([...bytes.subarray(0, 4)]).toEqual(
    name.endsWith('.wasm') ? [0, 97, 115, 109] : [8, bytes[1], 18, bytes[3]],
  )
})

it('counts the cores', async () => {
  const cores = await numberOfCores()
  expect(Number.isSafeInteger(cores) && cores >= 1).toBe(true)
})

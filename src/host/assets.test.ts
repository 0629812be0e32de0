import { expect, it } from 'vitest'
import { type AssetName, assetUrl, customAsset, readAsset, useAssets } from './assets.ts'
import { numberOfCores } from './platform/cores.ts'

it.each<AssetName>(['svm.wasm', 'svm.relaxed.wasm', 'tiny.onnx', 'small.onnx'])('%s ships', async (name) => {
  const bytes = await readAsset(name)
  expect([...bytes.subarray(0, 4)]).toEqual(
    name.endsWith('.wasm') ? [0, 97, 115, 109] : [8, bytes[1], 18, bytes[3]],
  )
})

it('the default background ships', async () => {
  // Two float32, then a byte for each feature of 700 pictures.
  expect((await readAsset('tiny-background.bin')).length).toBe(8 + 700 * 288)
  expect((await readAsset('small-background.bin')).length).toBe(8 + 700 * 576)
})

it('counts the cores', async () => {
  const cores = await numberOfCores()
  expect(Number.isSafeInteger(cores) && cores >= 1).toBe(true)
})

it('accepts a module, bytes or a URL from the caller', async () => {
  const bytes = await readAsset('svm.wasm')
  const module = await WebAssembly.compile(bytes)
  useAssets({ 'svm.relaxed.wasm': module, 'cnn.wasm': bytes, 'jpeg.wasm': assetUrl('svm.wasm') })
  expect(await customAsset('svm.relaxed.wasm')).toBe(module)
  expect(await customAsset('cnn.wasm')).toBe(bytes)
  expect(await customAsset('jpeg.wasm')).toEqual(bytes)
  expect(await customAsset('onnxruntime.wasm')).toBeUndefined()
  expect(() => useAssets({ 'svn.wasm': module } as object)).toThrow(
    "unknown file 'svn.wasm' in assets; the files are svm.wasm, ",
  )
  expect(() => useAssets({ 'svm.wasm': 7 as never })).toThrow(/a WebAssembly.Module, bytes or a URL/)
})

import { afterAll, beforeAll, expect, it } from 'vitest'
import { FileServer } from '../../../test/support/file-server.ts'
import { SVC } from '../../svm/svc.ts'
import { assetUrl, customAsset, readAsset, useAssets } from '../assets.ts'
import { wasmFault } from './wasm-bytes.ts'

let server: FileServer
beforeAll(async () => {
  server = await FileServer.start()
  const page = new TextEncoder().encode('<!doctype html>\n<title>Nothing here</title>')
  server.files.set('/page.wasm', { bytes: page, type: 'text/html; charset=utf-8' })
  server.files.set('/empty.wasm', { bytes: new Uint8Array(0), type: 'application/wasm' })
  server.files.set('/sound.wasm', { bytes: await readAsset('svm.wasm'), type: 'application/octet-stream' })
})
afterAll(() => server.stop())

const rows = [[0], [1], [4], [5]]
const labels = [0, 0, 1, 1]

it('an HTML page instead of the engine: the error has its URL and content type, and a retry can succeed', async () => {
  const url = `${server.origin}/page.wasm`
  useAssets({ 'svm.wasm': url })
  await expect(new SVC().fit(rows, labels)).rejects.toMatchObject({
    code: 'FILE_UNREADABLE',
    argument: 'svm.wasm',
    received: url,
    message: expect.stringMatching(
      /page\.wasm' is not: it is not WebAssembly: it begins with '<!doctype html> <title>Nothing here<\/tit' and was sent as text\/html; charset=utf-8$/,
    ),
  })
  useAssets({ 'svm.wasm': `${server.origin}/sound.wasm` })
  const svc = await new SVC().fit(rows, labels)
  expect(await svc.predict(rows)).toEqual(labels)
})

it('an empty file: an error for each module', async () => {
  useAssets({ 'cnn.wasm': new URL(`${server.origin}/empty.wasm`), 'jpeg.wasm': assetUrl('tiny.onnx') })
  await expect(customAsset('cnn.wasm')).rejects.toThrow(/it is empty and was sent as application\/wasm$/)
  await expect(customAsset('jpeg.wasm')).rejects.toThrow(/it begins with/)
})

it('a valid module is accepted', () => {
  expect(wasmFault(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0), 'text/plain')).toBeUndefined()
})

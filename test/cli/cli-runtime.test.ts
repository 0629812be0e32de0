import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ENGINE_VERSION } from '../../src/cnn/engine/engine-version.ts'
import { readNpz } from '../../src/index.ts'
import { CliFolder, softmarginIn } from '../support/cli.ts'
import { nativeOrt } from '../support/native-ort.ts'

const native = nativeOrt()
let place: CliFolder
let folder: string

beforeAll(async () => {
  place = await CliFolder.open()
  folder = place.folder
}, 60_000)
afterAll(() => place.close())

const extract = (...args: string[]) => softmarginIn(folder, 'extract', 'pictures', ...args)

describe('--runtime', () => {
  it('names a missing package and how to install it before it reads an image', async () => {
    const { code, stderr } = await extract('-o', 'never.npz', '--runtime', 'onnxruntime-nod')
    expect(code).toBe(2)
    expect(stderr).toContain('--runtime must be auto, engine, onnxruntime or an installed package')
    expect(stderr).toContain('npm install onnxruntime-nod')
  })

  it('rejects a package that is not a runtime, and names that are not packages', async () => {
    expect((await extract('-o', 'never.npz', '--runtime', 'fflate')).stderr).toContain(
      'lacks InferenceSession.create()',
    )
    for (const name of ['node:fs', '../onnxruntime-node', 'fs']) {
      const { code, stderr } = await extract('-o', 'never.npz', '--runtime', name)
      expect(code).toBe(2)
      expect(stderr).toContain('no package of that name')
    }
  })

  it('rejects an execution provider without such a package', async () => {
    const { code, stderr } = await extract('-o', 'never.npz', '--execution-provider', 'cuda')
    expect(code).toBe(2)
    expect(stderr).toContain('executionProviders needs a module as runtime')
  })

  it.skipIf(!native)(
    'onnxruntime-node extracts, trains, predicts and evaluates',
    async () => {
      mkdirSync(join(folder, 'node_modules'), { recursive: true })
      const installed = new URL('../../.cache/native/node_modules/onnxruntime-node', import.meta.url)
      symlinkSync(fileURLToPath(installed), join(folder, 'node_modules', 'onnxruntime-node'))
      const use = ['--runtime', 'onnxruntime-node']
      const runs = [
        await extract('-o', 'own.npz'),
        await extract('-o', 'native.npz', ...use, '--execution-provider', 'cpu'),
        await softmarginIn(folder, 'train', 'pictures', '-o', 'model.onnx', ...use),
        await softmarginIn(folder, 'predict', 'model.onnx', 'pictures/one', ...use),
        await softmarginIn(folder, 'evaluate', 'model.onnx', 'pictures', ...use),
      ]
      for (const { code, stderr } of runs) expect([code, stderr]).toEqual([0, ''])
      const [ours, theirs] = [
        await readNpz(join(folder, 'own.npz')),
        await readNpz(join(folder, 'native.npz')),
      ]
      const [a, b] = [ours.X.data as Float32Array, theirs.X.data as Float32Array]
      const most = a.reduce((max, value) => Math.max(max, Math.abs(value)), 0)
      for (const [i, value] of a.entries()) expect(Math.abs(value - b[i])).toBeLessThan(1e-5 * most)
      const mixed = await extract('-o', 'own.npz', ...use)
      expect(mixed.code).toBe(1)
      expect(mixed.stderr).toContain(
        `computed by engine ${ENGINE_VERSION}, but the extractor runs in onnxruntime-node`,
      )
    },
    60_000,
  )
})

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cutModel } from '../../src/onnx/edit/cut.ts'
import { readModel } from '../../src/onnx/graph/read-model.ts'
import { compare } from '../support/engine-oracle.ts'
import { measuredLayers } from '../support/measured-layers.ts'
import { nativeOrt } from '../support/native-ort.ts'
import { hasPythonModule } from '../support/programs.ts'
import { SeededRandom } from '../support/random.ts'

// Compares whole networks, as PyTorch exports them, in our engine and in native ONNX Runtime.

const names = ['resnet18', 'mobilenet_v2', 'mobilenet_v3_small', 'efficientnet_b0', 'convnext_tiny']
const folder = mkdtempSync(join(tmpdir(), 'softmargin-nets-'))
const script = fileURLToPath(new URL('../../scripts/torchvision_models.py', import.meta.url))

const isPossible = nativeOrt() !== undefined && hasPythonModule('torchvision') && hasPythonModule('onnx')

describe.runIf(isPossible)('torchvision networks at five layers', () => {
  beforeAll(() => {
    execFileSync('/usr/bin/python3', [script, folder, ...names], { stdio: 'ignore' })
  }, 300_000)
  afterAll(() => rmSync(folder, { recursive: true }))

  it.each(names)(
    '%s: every layer is within 1e-5 of its range',
    async (name) => {
      const model = readModel(new Uint8Array(readFileSync(join(folder, `${name}.onnx`))))
      const dims = [1, 3, 224, 224]
      const all = measuredLayers(model, { name: 'input', dims })
      const known = all.filter(({ shape, endsStage }) => shape && endsStage)
      const layers = [0, 1, 2, 3, 4].map((i) => known[Math.round(((known.length - 1) * i) / 4)].name)
      const cut = cutModel(model, [...new Set(layers)])
      const x = new SeededRandom(3).floats(3 * 224 * 224, 2)
      const { outputs } = await compare(cut, dims, x, 'input')
      expect(outputs).toHaveLength(5)
      for (const { name: layer, error } of outputs) expect(error, layer).toBeLessThan(1e-5)
    },
    120_000,
  )
})

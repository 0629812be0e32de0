import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { env, InferenceSession, Tensor } from 'onnxruntime-web'
import { afterAll, expect, it } from 'vitest'
import { GraphBuilder } from '../../src/onnx/gradient/graph-builder.ts'
import { ModelProtoSchema } from '../../src/onnx/proto/onnx.ts'
import { toBinary } from '../../src/onnx/proto/write-message.ts'
import { caseGradients, caseModel, gradientCase, kinds, lossWeights } from '../support/gradient-cases.ts'
import { hasPythonModule } from '../support/programs.ts'

env.wasm.numThreads = 1

const folder = mkdtempSync(join(tmpdir(), 'softmargin-'))
afterAll(() => rmSync(folder, { recursive: true }))
const seeds = [11, 12, 13, 14, 15, 16]

it.runIf(hasPythonModule('torch') && hasPythonModule('onnx'))(
  "every rule's gradients are PyTorch's, on random shapes",
  async () => {
    const cases = kinds.flatMap((kind) => seeds.map((seed) => gradientCase(kind, seed)))
    const written = cases.map((one) => {
      const g = new GraphBuilder(caseModel(one), {})
      const weights = Object.entries(lossWeights(one, (name) => g.dims(name)))
      return {
        name: one.name,
        model: Buffer.from(toBinary(ModelProtoSchema, caseModel(one))).toString('base64'),
        inputs: Object.fromEntries(
          Object.entries(one.inputs).map(([name, { dims, values }]) => [name, { dims, values: [...values] }]),
        ),
        weights: Object.fromEntries(weights.map(([name, values]) => [name, [...values]])),
      }
    })
    const [asked, answered] = ['cases.json', 'gradients.json'].map((name) => join(folder, name))
    writeFileSync(asked, JSON.stringify(written))
    const script = fileURLToPath(new URL('torch_gradients.py', import.meta.url))
    execFileSync('/usr/bin/python3', [script, asked, answered], { stdio: ['ignore', 'ignore', 'inherit'] })
    const wanted: Record<string, number[]>[] = JSON.parse(readFileSync(answered, 'utf8'))
    for (const [i, one] of cases.entries()) {
      const { model, gradients } = caseGradients(one)
      const session = await InferenceSession.create(toBinary(ModelProtoSchema, model), {
        logSeverityLevel: 3,
      })
      const feeds = Object.fromEntries(
        session.inputNames.map((name) => {
          const { dims, values } = one.inputs[name]
          return [name, new Tensor('float32', Float32Array.from(values), dims)]
        }),
      )
      const outputs = await session.run(feeds)
      await session.release()
      expect([...gradients.keys()]).toEqual(Object.keys(one.inputs))
      for (const [name, gradient] of gradients) {
        const mine = outputs[gradient].data as Float32Array
        const theirs = wanted[i][name]
        const range = theirs.reduce((most, value) => Math.max(most, Math.abs(value)), 1)
        const error = theirs.reduce((most, value, j) => Math.max(most, Math.abs(value - mine[j])), 0) / range
        expect(error, `${one.name}, ${name}`).toBeLessThan(1e-5)
      }
    }
  },
  120_000,
)

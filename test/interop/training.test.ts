import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, it } from 'vitest'
import { resnet18 } from '../../scripts/resnet18.js'
import { listLayers } from '../../src/cnn/layers/list-layers.ts'
import { GradientRunner } from '../../src/cnn/training/gradient-runner.ts'
import { Optimizer } from '../../src/cnn/training/optimizer.ts'
import { cutModel } from '../../src/onnx/edit/cut.ts'
import { tailOf } from '../../src/onnx/gradient/tail.ts'
import { readModel } from '../../src/onnx/graph/read-model.ts'
import { ModelProtoSchema } from '../../src/onnx/proto/onnx.ts'
import { toBinary } from '../../src/onnx/proto/write-message.ts'
import { inferTensors } from '../../src/onnx/shapes/infer.ts'
import { seeded } from '../support/layered-cnn.ts'
import { hasPythonModule } from '../support/programs.ts'

const folder = mkdtempSync(join(tmpdir(), 'softmargin-'))
afterAll(() => rmSync(folder, { recursive: true }))
const script = fileURLToPath(new URL('torch_training.py', import.meta.url))
const python = (...args: string[]) =>
  execFileSync('/usr/bin/python3', ['-W', 'ignore', script, ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })

const networks = ['resnet18', 'mobilenet_v2', 'mobilenet_v3_small', 'efficientnet_b0', 'convnext_tiny', 'vit']
/** Those that the engine can train. */
const inEngine = new Set([
  'resnet18',
  'mobilenet_v2',
  'mobilenet_v3_small',
  'efficientnet_b0',
  'convnext_tiny',
])
const [classes, batchSize, steps, count] = [3, 2, 20, 10]
const settings = { labelSmoothing: 0.1, weightDecay: 5e-4, momentum: 0.9, optimizer: 'sgd' as const }

const packed = (data: Float32Array, dims: number[]) => ({
  data: Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64'),
  dims,
})
const unpacked = (text: string) => {
  const bytes = new Uint8Array(Buffer.from(text, 'base64'))
  return new Float32Array(bytes.buffer)
}
/** The largest difference relative to the largest value. */
function difference(mine: Float32Array, theirs: Float32Array): number {
  const range = theirs.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-6)
  return theirs.reduce((most, value, i) => Math.max(most, Math.abs(value - mine[i])), 0) / range
}

it
  .runIf(hasPythonModule('torchvision') && hasPythonModule('onnx'))
  .each(
    networks.flatMap((name) => (['auto', 'onnxruntime'] as const).map((runtime) => [name, runtime] as const)),
  )(
  '%s: gradients, and the weights after 20 steps, match PyTorch, with the runtime %s',
  async (name, runtime) => {
    const [file, asked, answered] = ['model.onnx', 'question.json', 'answer.json'].map((one) =>
      join(folder, one),
    )
    if (name === 'resnet18') writeFileSync(file, resnet18({ widths: [16, 32, 48, 64] }))
    else python('export', name, file)
    const whole = readModel(readFileSync(file))
    const layer = listLayers(whole, inferTensors(whole)).find(({ isDefault }) => isDefault)!.name
    const model = cutModel(whole, [layer])
    const input = model.graph!.input[0].name
    const tail = tailOf(model, inferTensors(model, { [input]: [batchSize, 3, 32, 32] }), input)
    const featureScale = 0.7
    const runner = await GradientRunner.start(
      { forEngine: () => tail, forOnnxGraph: () => tail },
      {
        pooling: 'none',
        classes,
        featureScale,
        layerFactor: (depth) => 0.9 ** depth,
        headFactor: 2,
        running: { runtime },
      },
    )
    expect(runner.runtime).toBe(runtime === 'auto' && inEngine.has(name) ? 'engine' : 'onnxruntime')
    const { parameters: learnt } = runner
    const features = learnt.at(-2)!.dims[1]
    // A head of zeros would make all gradients below it 0.
    learnt.at(-2)!.values.set(seeded(classes * features, 5).map((x) => x / Math.sqrt(features)))
    learnt.at(-1)!.values.set(seeded(classes, 6))
    const images = seeded(count * 3 * 32 * 32, 9)
    const labels = Int32Array.from({ length: count }, (_, i) => i % classes)
    const rate = 0.002
    writeFileSync(
      asked,
      JSON.stringify({
        model: Buffer.from(toBinary(ModelProtoSchema, tail.model)).toString('base64'),
        input,
        layer,
        images: packed(images, [count, 3, 32, 32]),
        labels: [...labels],
        learnt: learnt.slice(0, -2).map((one) => one.name),
        rates: learnt.map((one) => one.learningRateFactor * rate),
        head: learnt.slice(-2).map(({ values, dims }) => packed(values, dims)),
        ...{ featureScale, batchSize, steps, ...settings },
      }),
    )
    python('train', asked, answered)
    const answer: { gradients: string[]; weights: string[] } = JSON.parse(readFileSync(answered, 'utf8'))

    const size = 3 * 32 * 32
    const step = (at: number) =>
      runner.computeGradients(
        { codes: labels.subarray(at, at + batchSize), labelSmoothing: settings.labelSmoothing },
        (from, to) => runner.inputs[0].set(images.subarray((at + from) * size, (at + to) * size)),
      )
    await step(0)
    for (const [i, { name: weight, gradient }] of learnt.entries()) {
      expect(difference(gradient, unpacked(answer.gradients[i])), `gradient of ${weight}`).toBeLessThan(1e-3)
    }
    const optimizer = new Optimizer(learnt, settings)
    for (let i = 0; i < steps; i++) {
      await step((i * batchSize) % count)
      optimizer.step(
        learnt.map(({ gradient }) => gradient),
        rate,
      )
    }
    await runner.release()
    for (const [i, { name: weight, values }] of learnt.entries()) {
      expect(difference(values, unpacked(answer.weights[i])), weight).toBeLessThan(1e-3)
    }
    expect(learnt.length).toBeGreaterThan(20)
  },
  600_000,
)

import { expect, it } from 'vitest'
import { layeredCnnBytes, seeded } from '../../../test/support/layered-cnn.ts'
import { smallVit, vit } from '../../../test/support/small-vit.ts'
import { startGraph } from '../../cnn/other-runtimes.ts'
import { type Pooling, pool, pooledSize, type ResolvedPooling } from '../../cnn/pool.ts'
import type { Arrangement } from '../../cnn/spatial-view.ts'
import { cutModel } from '../edit/cut.ts'
import { ModelProtoSchema } from '../proto/onnx.ts'
import { fromBinary } from '../proto/read-message.ts'
import { inferTensors } from '../shapes/infer.ts'
import { tailOf } from './tail.ts'
import { trainingStep } from './training-step.ts'

const cnn = fromBinary(ModelProtoSchema, layeredCnnBytes())
const patches = { height: vit.size / vit.patch, width: vit.size / vit.patch }

it.each<[string, Pooling, Arrangement]>([
  ['layer2', 'average', {}],
  ['layer2', 'max', {}],
  ['layer2', 'none', {}],
  ['layer2', { grid: 3 }, {}],
  ['block1', 'cls', { prefixTokens: 1, patches }],
  ['block1', 'average', { prefixTokens: 1, patches }],
  ['block1', 'max', { prefixTokens: 1 }],
  ['block1', { grid: 2 }, { prefixTokens: 1, patches }],
  ['block1', 'none', { prefixTokens: 1 }],
])('a step pools %s with %o as the extractor does', async (name, pooling, arrangement) => {
  const isVit = name === 'block1'
  const whole = isVit ? smallVit() : cnn
  const found = whole.graph!.node.findLast(({ output }) => output.some((one) => one.includes(name)))!
    .output[0]
  const model = cutModel(whole, [isVit ? name : found])
  const layer = model.graph!.output[0].name
  const input = model.graph!.input[0].name
  const dims = isVit ? [2, 3, vit.size, vit.size] : [2, 3, 8, 12]
  const facts = inferTensors(model, { [input]: dims })
  const result = facts.get(layer)!.dims as number[]
  const features = pooledSize(pooling as ResolvedPooling, result, arrangement)
  const tail = tailOf(model, facts, input)
  const o = { pooling: pooling as ResolvedPooling, arrangement, classes: features, featureScale: 2 }
  const step = trainingStep(tail, o)
  // The tail itself gets no inputs for the head and the targets.
  expect(tail.model.graph!.input.map(({ name }) => name)).toEqual(tail.kept.map(({ name }) => name))
  expect(step.features).toBe(features)
  // With a head that is the identity, the logits are the features.
  const identity = Float32Array.from({ length: features ** 2 }, (_, i) => (i % (features + 1) === 0 ? 1 : 0))
  const images = seeded(
    dims.reduce((all, n) => all * n, 1),
    4,
  )
  const graph = await startGraph(step.model, {})
  const feeds = Object.fromEntries(
    tail.weights.map((one) => [one.name, { data: one.values, dims: one.dims }]),
  )
  const answers = await graph.run({
    ...feeds,
    [input]: { data: images, dims },
    [step.inputs.headWeight]: { data: identity, dims: [features, features] },
    [step.inputs.headBias]: { data: new Float32Array(features), dims: [features] },
    [step.inputs.targets]: { data: new Float32Array(2 * features), dims: [2, features] },
  })
  await graph.release()
  const plain = await startGraph(model, {})
  const activation = (await plain.run({ [input]: { data: images, dims } })).get(layer)!
  await plain.release()
  const wanted = new Float32Array(2 * features)
  pool(activation, pooling as ResolvedPooling, 2, wanted, arrangement)
  const { data } = answers.get(step.logits)!
  for (const [i, value] of wanted.entries()) expect(data[i]).toBeCloseTo(2 * value, 4)
})

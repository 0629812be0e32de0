import { expect, it } from 'vitest'
import {
  caseGradients,
  caseModel,
  type GradientCase,
  gradientCase,
  kinds,
  lossWeights,
} from '../../../test/support/gradient-cases.ts'
import { nativeOrt } from '../../../test/support/native-ort.ts'
import { TensorProto_DataType as DataType, type ModelProto, ModelProtoSchema } from '../proto/onnx.ts'
import { toBinary } from '../proto/write-message.ts'
import { differentiable } from './differentiate.ts'

// Every rule against finite differences of the forward pass: in float64 where the native runtime has the operator in
// double. test/interop compares the same cases with PyTorch.

/** Operators that compute in float32 whatever the type of their input. */
const inFloat32 = new Set(['Cast', 'GroupNormalization'])

type Values = Record<string, Float64Array>
const ort = nativeOrt()

async function start(model: ModelProto) {
  return ort!.InferenceSession.create(toBinary(ModelProtoSchema, model), { logSeverityLevel: 3 })
}

/** Runs a case on the given inputs. */
async function run(
  session: Awaited<ReturnType<typeof start>>,
  one: GradientCase,
  inputs: Values,
  isDouble: boolean,
) {
  const feeds = Object.fromEntries(
    session.inputNames.map((name) => [
      name,
      isDouble
        ? new ort!.Tensor('float64', inputs[name], one.inputs[name].dims)
        : new ort!.Tensor('float32', Float32Array.from(inputs[name]), one.inputs[name].dims),
    ]),
  )
  return session.run(feeds)
}

async function differences(one: GradientCase): Promise<{ found: Values; isDouble: boolean }> {
  const double = one.nodes.some(({ opType }) => inFloat32.has(opType))
    ? undefined
    : await start(caseModel(one, DataType.DOUBLE)).catch(() => undefined)
  const isDouble = double !== undefined
  const session = double ?? (await start(caseModel(one)))
  const inputs: Values = Object.fromEntries(
    Object.entries(one.inputs).map(([name, { values }]) => [name, values.slice()]),
  )
  const loss = async () => {
    const outputs = await run(session, one, inputs, isDouble)
    const weights = lossWeights(one, (name) => [...outputs[name].dims])
    let sum = 0
    for (const name of one.outputs) {
      for (const [i, value] of (outputs[name].data as Float64Array).entries()) sum += value * weights[name][i]
    }
    return sum
  }
  const step = isDouble ? 1e-5 : 2 ** -6
  const found: Values = {}
  for (const [name, values] of Object.entries(inputs)) {
    found[name] = new Float64Array(values.length)
    for (const [i, value] of values.entries()) {
      values[i] = value + step
      const above = await loss()
      values[i] = value - step
      found[name][i] = (above - (await loss())) / (2 * step)
      values[i] = value
    }
  }
  await session.release()
  return { found, isDouble }
}

it('every operator with a gradient rule has test cases', () => {
  const covered = new Set(
    kinds.flatMap((kind) =>
      [1, 2, 3, 4].flatMap((seed) => gradientCase(kind, seed).nodes.map(({ opType }) => opType)),
    ),
  )
  expect([...differentiable].filter((name) => !covered.has(name))).toEqual([])
})

it.runIf(ort).each(kinds)('%s: gradients match finite differences', async (kind) => {
  for (let seed = 1; seed <= 3; seed++) {
    const one = gradientCase(kind, seed)
    const { model, gradients } = caseGradients(one)
    const session = await start(model)
    const inputs: Values = Object.fromEntries(
      Object.entries(one.inputs).map(([name, { values }]) => [name, values]),
    )
    const outputs = await run(session, one, inputs, false)
    await session.release()
    const { found, isDouble } = await differences(one)
    expect([...gradients.keys()]).toEqual(Object.keys(one.inputs))
    for (const [name, gradient] of gradients) {
      const mine = outputs[gradient].data as Float32Array
      expect(outputs[gradient].dims, one.name).toEqual(one.inputs[name].dims)
      const range = found[name].reduce((most, value) => Math.max(most, Math.abs(value)), 1)
      const error =
        found[name].reduce((most, value, i) => Math.max(most, Math.abs(value - mine[i])), 0) / range
      expect(error, `${one.name}, ${name}`).toBeLessThan(isDouble ? 2e-6 : 2e-3)
    }
  }
})

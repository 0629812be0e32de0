import { beforeAll, describe, expect, it } from 'vitest'
import { clouds } from '../../../test/support/clouds.ts'
import { layeredCnnBytes } from '../../../test/support/layered-cnn.ts'
import type { Label } from '../../core/labels.ts'
import { node } from '../../onnx/graph/nodes.ts'
import { readModel } from '../../onnx/graph/read-model.ts'
import { create } from '../../onnx/proto/message.ts'
import { type ModelProto, ModelProtoSchema } from '../../onnx/proto/onnx.ts'
import { toBinary } from '../../onnx/proto/write-message.ts'
import { SVC, type SvcOptions } from '../svc.ts'

let sound: Uint8Array<ArrayBuffer>
beforeAll(async () => {
  const { X, codes } = clouds(40, 3, 0)
  using svc = await new SVC().fit(X, codes)
  sound = await svc.toOnnx()
})

/** The valid model as another program would have written it, with a change. */
function changed(change: (model: ModelProto) => void): Uint8Array {
  const model = readModel(sound.slice())
  model.metadataProps = []
  change(model)
  return toBinary(ModelProtoSchema, model)
}

const svmOf = (model: ModelProto) => model.graph!.node.find(({ opType }) => opType === 'SVMClassifier')!
const attribute = (model: ModelProto, name: string) =>
  svmOf(model).attribute.find((each) => each.name === name)!
/** Inserts a node before the SVM. */
function putBefore(
  model: ModelProto,
  op: string,
  attributes: Parameters<typeof node>[4] = {},
  more: string[] = [],
) {
  model.graph!.node.unshift(node('before', op, ['X', ...more], ['changed'], attributes))
  svmOf(model).input = ['changed']
}

describe('SVC.fromOnnx', () => {
  it('accepts an ArrayBuffer', async () => {
    using a = await SVC.fromOnnx(sound)
    using b = await SVC.fromOnnx(sound.buffer)
    expect(a.toState()).toEqual(b.toState())
  })

  it('leaves unknown what the file does not say', async () => {
    using svc = await SVC.fromOnnx(changed(() => {}))
    expect(new Set(svc.support)).toEqual(new Set([-1]))
    expect(svc.getParams()).toMatchObject({ kernel: 'rbf', C: 1 })
  })

  it.each<[string, object, string, string]>([
    ['a newer layout', { schemaVersion: 2 }, 'MODEL_UNSUPPORTED', 'schemaVersion is 2'],
    ['other numbers', { svm: { gamma: 7 } }, 'MODEL_UNREADABLE', 'gamma is 7 in its metadata'],
    ['other classes', { svm: { classes: [0, 1, 3] } }, 'MODEL_UNREADABLE', 'class 2 is 3'],
    ['unknown options', { machine: { options: { c: 1 } } }, 'MODEL_UNREADABLE', "'c'"],
    ['no options', { machine: { options: null } }, 'MODEL_UNREADABLE', 'options are null'],
    [
      'another kernel',
      { machine: { options: { kernel: 'linear' } } },
      'MODEL_UNREADABLE',
      'different kernels',
    ],
    ['half a support vector', { machine: { support: [0.5] } }, 'MODEL_UNREADABLE', 'support is not a list'],
  ])('rejects softmargin metadata with %s', async (_, change, code, phrase) => {
    const model = readModel(sound.slice())
    const [entry] = model.metadataProps
    const metadata = JSON.parse(entry.value)
    for (const [name, value] of Object.entries(change)) {
      metadata[name] = typeof value === 'object' ? { ...metadata[name], ...value } : value
    }
    entry.value = JSON.stringify(metadata)
    await expect(SVC.fromOnnx(toBinary(ModelProtoSchema, model))).rejects.toMatchObject({
      code,
      message: expect.stringContaining(phrase),
    })
    entry.value = '{'
    await expect(SVC.fromOnnx(toBinary(ModelProtoSchema, model))).rejects.toThrow(/is not JSON/)
  })

  const ones = (count: number) => new Float32Array(count).fill(1)
  it.each<[string, (model: ModelProto) => void, string, string | RegExp]>([
    [
      'no SVM',
      (m) => m.graph!.node.splice(0, 9, node('', 'Relu', ['X'], ['label'])),
      'MODEL_UNSUPPORTED',
      '0 SVM',
    ],
    ['two SVMs', (m) => m.graph!.node.push(svmOf(m)), 'MODEL_UNSUPPORTED', '2 SVM'],
    ['an operator before', (m) => putBefore(m, 'Tanh'), 'MODEL_UNSUPPORTED', "'Tanh' precedes"],
    [
      'two rows in one',
      (m) => putBefore(m, 'Add', {}, ['X']),
      'MODEL_UNSUPPORTED',
      'computed from several tensors',
    ],
    [
      'a loop',
      (m) => {
        putBefore(m, 'Identity')
        m.graph!.node[0].input = ['changed']
      },
      'MODEL_UNREADABLE',
      'cycle',
    ],
    [
      'an input from nowhere',
      (m) => (svmOf(m).input = ['nowhere']),
      'MODEL_UNREADABLE',
      "computes 'nowhere'",
    ],
    ['no input', (m) => (svmOf(m).input = []), 'MODEL_UNREADABLE', "computes ''"],
    [
      'a Scaler of another width',
      (m) => putBefore(m, 'ai.onnx.ml:Scaler', { offset: ones(5), scale: ones(6) }),
      'MODEL_UNREADABLE',
      'offset of its Scaler has 5 numbers for 6 columns',
    ],
    [
      'a Scaler with NaN',
      (m) => putBefore(m, 'ai.onnx.ml:Scaler', { offset: ones(1), scale: ones(6).fill(Number.NaN) }),
      'MODEL_UNREADABLE',
      'scale of its Scaler is NaN',
    ],
    [
      'an unknown norm',
      (m) => putBefore(m, 'ai.onnx.ml:Normalizer', { norm: 'L3' }),
      'MODEL_UNREADABLE',
      "norm of its Normalizer is 'L3'",
    ],
    ['rows cast to text', (m) => putBefore(m, 'Cast', { to: 8n }), 'MODEL_UNSUPPORTED', 'cast to type 8'],
    [
      'another label',
      (m) => (m.graph!.output[0].name = 'elsewhere'),
      'MODEL_UNSUPPORTED',
      "does not return the label 'label'",
    ],
    [
      'a class too many',
      (m) => attribute(m, 'classlabels_ints').ints.push(9n),
      'MODEL_UNREADABLE',
      '4 classes but vectors_per_class for 3',
    ],
    [
      'negative counts',
      (m) => (attribute(m, 'vectors_per_class').ints[0] = -1n),
      'MODEL_UNREADABLE',
      'vectors_per_class contains -1',
    ],
    [
      'a gigantic count',
      (m) => (attribute(m, 'vectors_per_class').ints[0] = 2n ** 52n),
      'MODEL_UNREADABLE',
      'cannot be divided among',
    ],
    [
      'an unknown kernel',
      (m) => (attribute(m, 'kernel_type').s = Uint8Array.of(88)),
      'MODEL_UNREADABLE',
      "is 'x'",
    ],
    ['half a degree', (m) => setFloats(m, 'kernel_params', [1, 0, 2.5]), 'MODEL_UNSUPPORTED', 'degree'],
    ['gamma 0', (m) => setFloats(m, 'kernel_params', [0, 0, 3]), 'MODEL_UNSUPPORTED', 'gamma'],
    ['infinite rho', (m) => setFloats(m, 'rho', [0, 1, 1 / 0]), 'MODEL_UNREADABLE', 'rho[2] is Infinity'],
    ['few coefficients', (m) => setFloats(m, 'coefficients', [1]), 'MODEL_UNREADABLE', '1 coefficients'],
    [
      'one sigmoid',
      (m) => svmOf(m).attribute.push(...node('', 'x', [], [], { prob_a: ones(3) }).attribute),
      'MODEL_UNREADABLE',
      '3 and 0 numbers in prob_a and prob_b',
    ],
    [
      'an input of another width',
      (m) => {
        const type = m.graph!.input[0].type!.value
        if (type.case === 'tensorType') type.value.shape!.dim[1].value = { case: 'dimValue', value: 7n }
      },
      'MODEL_UNSUPPORTED',
      'inputs have 7 columns',
    ],
  ])('rejects %s', async (_, change, code, phrase) => {
    await expect(SVC.fromOnnx(changed(change))).rejects.toMatchObject({
      code,
      message: expect.stringContaining(phrase as string),
    })
  })

  function setFloats(model: ModelProto, name: string, values: number[]): void {
    const made = node('', 'x', [], [], { [name]: Float32Array.from(values) }).attribute[0]
    Object.assign(svmOf(model).attribute, {
      [svmOf(model).attribute.findIndex((each) => each.name === name)]: made,
    })
  }

  it.each<[string, unknown, string]>([
    ['a CNN', layeredCnnBytes(), 'MODEL_UNSUPPORTED'],
    ['text', new TextEncoder().encode('svm_type c_svc'), 'MODEL_UNREADABLE'],
    ['nothing', new Uint8Array(0), 'MODEL_UNREADABLE'],
    ['a path', 'model.onnx', 'INVALID_ARGUMENT'],
    ['undefined', undefined, 'INVALID_ARGUMENT'],
  ])('rejects %s', async (_, bytes, code) => {
    await expect(SVC.fromOnnx(bytes as never)).rejects.toMatchObject({ code })
  })

  it('rejects a model truncated anywhere', async () => {
    for (let length = 0; length < sound.length; length += 13) {
      await expect(SVC.fromOnnx(sound.subarray(0, length)), `${length} bytes`).rejects.toMatchObject({
        code: expect.stringMatching(/^MODEL_/),
      })
    }
  })

  it('validates rows after the scaler', async () => {
    const bytes = changed((m) =>
      putBefore(m, 'ai.onnx.ml:Scaler', { offset: ones(1).fill(0), scale: ones(1).fill(1e30) }),
    )
    using svc = await SVC.fromOnnx(bytes)
    expect(await svc.predict([[0, 0, 0, 0, 0, 1]])).toHaveLength(1)
    await expect(svc.predict([[0, 0, 0, 0, 0, 1e10]])).rejects.toMatchObject({ code: 'NOT_FINITE' })
    expect(() => svc.toLibsvm()).toThrow(expect.objectContaining({ code: 'MODEL_UNSUPPORTED' }))
  })
})

describe('SVC.toOnnx', () => {
  it.each<[string, SvcOptions, Label[]]>([
    ['linear', { kernel: 'linear', C: 3 }, [4, 9]],
    ['poly, balanced', { kernel: 'poly', classWeight: 'balanced' }, [0.5, 1.5, -2]],
    ['rbf, probabilities', { probability: true, randomState: 7 }, ['no', 'yes']],
    ['sigmoid', { kernel: 'sigmoid', gamma: 0.1, coef0: -0.3 }, ['b', 'a', 'c']],
  ])('loses no bit: %s', async (_, options, labels) => {
    const { X, codes } = clouds(60, labels.length, 0)
    const y = codes.map((code) => labels[code])
    using svc = await new SVC({ ...options, threads: 1, cacheSize: 100 }).fit(X, y)
    const bytes = await svc.toOnnx()
    using back = await SVC.fromOnnx(bytes)
    const { threads, cacheSize, ...kept } = svc.getParams()
    expect(back.getParams()).toEqual(kept)
    expect({ ...back.toState(), options: kept }).toEqual({ ...svc.toState(), options: kept })
    expect(await back.toOnnx()).toEqual(bytes)
    const test = clouds(200, labels.length, 1e6).X
    expect(await back.decisionFunction(test)).toEqual(await svc.decisionFunction(test))
    if (options.probability) expect(await back.predictProba(test)).toEqual(await svc.predictProba(test))
    // More rows after those of the file: the duals make a useful start.
    const { nIter } = back
    await back.fit(X, y, { warmStart: true })
    expect(Math.max(...back.nIter)).toBeLessThan(Math.max(...nIter))
  })

  it('rejects numbers beyond float32', async () => {
    const { X, codes } = clouds(40, 2, 0)
    using svc = await new SVC().fit(X, codes)
    const state = svc.toState()
    using broken = SVC.fromState({ ...state, intercept: Float64Array.of(1e39) })
    await expect(broken.toOnnx()).rejects.toMatchObject({ code: 'MODEL_UNSUPPORTED' })
  })

  it('throws NOT_FITTED before fit', async () => {
    await expect(new SVC().toOnnx()).rejects.toMatchObject({ code: 'NOT_FITTED' })
    expect(() => new SVC().toLibsvm()).toThrow(expect.objectContaining({ code: 'NOT_FITTED' }))
  })
})

it('an empty ONNX model is rejected', async () => {
  await expect(SVC.fromOnnx(toBinary(ModelProtoSchema, create(ModelProtoSchema)))).rejects.toMatchObject({
    code: 'MODEL_UNREADABLE',
  })
})

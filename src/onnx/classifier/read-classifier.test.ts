import { describe, expect, it } from 'vitest'
import { partsOf } from '../../../test/support/classifier-parts.ts'
import { smallCnn } from '../../../test/support/small-cnn.ts'
import { type AttributeProto, type ModelProto, ModelProtoSchema } from '../proto/onnx.ts'
import { fromBinary } from '../proto/read-message.ts'
import { readClassifier } from './read-classifier.ts'
import { writeClassifier } from './write-classifier.ts'

describe('readClassifier', () => {
  const cases: [string, Parameters<typeof partsOf>[0]][] = [
    ['strings', {}],
    ['integers and a grid', { classes: [1, 2], pooling: { grid: 2 } }],
    ['an output without a type', { cnn: smallCnn({ typed: false }) }],
    ['fractions', { classes: [0.5, 1.5], scale: 'l2' }],
    ['probabilities of three classes', { sigmoids: true }],
    ['probabilities of two classes', { sigmoids: true, classes: [3, 4] }],
    ['calibrated probabilities of three classes', { sigmoids: true, calibration: { power: 1.75 } }],
    [
      'calibrated probabilities of two classes',
      { sigmoids: true, classes: [3, 4], calibration: { power: 1 } },
    ],
    ['names that clash', { cnn: smallCnn({ input: 'scores', output: 'features' }), scale: 'none' }],
  ]
  for (const [name, o] of cases) {
    it(`reads back every number, and writes the same bytes again: ${name}`, () => {
      const parts = partsOf(o)
      const bytes = writeClassifier(parts)
      const back = readClassifier(fromBinary(ModelProtoSchema, bytes))
      expect(back.cnn).toEqual(parts.cnn)
      expect(back.svm).toEqual(parts.svm)
      expect(back.scaler).toEqual(parts.scaler)
      expect(back.pooling).toEqual(parts.pooling)
      expect(back.calibration).toEqual(parts.calibration)
      expect(back.preprocess).toEqual(parts.preprocess)
      expect(back.about).toEqual(parts.about)
      expect(writeClassifier(back)).toEqual(bytes)
    })
  }

  const broken: [string, string, (model: ModelProto) => void][] = [
    ['no classifier of ours', 'MODEL_UNSUPPORTED', (model) => (model.metadataProps = [])],
    ['metadata that is not JSON', 'MODEL_UNREADABLE', (model) => (model.metadataProps[0].value = '{')],
    ['metadata that is a list', 'MODEL_UNREADABLE', (model) => (model.metadataProps[0].value = '[]')],
    ['a schema from the future', 'MODEL_UNSUPPORTED', edit((json) => (json.schemaVersion = 3))],
    ['a power that is no number', 'MODEL_UNREADABLE', edit((json) => (json.calibration = { power: '2' }))],
    ['a power of 0', 'MODEL_UNREADABLE', edit((json) => (json.calibration = { power: 0 }))],
    ['a calibration without sigmoids', 'MODEL_UNREADABLE', edit((json) => (json.calibration = { power: 2 }))],
    ['a schema that is not a number', 'MODEL_UNREADABLE', edit((json) => (json.schemaVersion = 'x'))],
    ['an unknown pooling', 'MODEL_UNREADABLE', edit((json) => (json.pooling = { grid: -1 }))],
    ['an unknown scaler', 'MODEL_UNREADABLE', edit((json) => (json.scale = 'log'))],
    ['preprocessing that is not an object', 'MODEL_UNREADABLE', edit((json) => (json.preprocess = 3))],
    ['a name that is not a string', 'MODEL_UNREADABLE', edit((json) => (json.renamed = { pixel_values: 1 }))],
    ['an output that is not there', 'MODEL_UNREADABLE', edit((json) => (json.cnnOutput = 'nowhere'))],
    ['other classes', 'MODEL_UNREADABLE', edit((json) => (json.svm.classes = ['cat', 'dog', 'hen']))],
    ['too many classes', 'MODEL_UNREADABLE', edit((json) => json.svm.classes.push('hen'))],
    ['classes of two types', 'MODEL_UNREADABLE', edit((json) => (json.svm.classes[0] = 1))],
    ['another gamma', 'MODEL_UNREADABLE', edit((json) => (json.svm.gamma = 0.31))],
    ['coefficients that are cut off', 'MODEL_UNREADABLE', edit((json) => (json.svm.dualCoef = 'AAAA'))],
    ['coefficients that are no base64', 'MODEL_UNREADABLE', edit((json) => (json.svm.dualCoef = '%'))],
    ['sigmoids that its SVM lacks', 'MODEL_UNREADABLE', edit((json) => (json.svm.sigmoids = {}))],
    ['no SVM', 'MODEL_UNREADABLE', (model) => (model.graph!.node = [])],
    ['no graph', 'MODEL_UNREADABLE', (model) => (model.graph = undefined)],
    ['a mean that is cut off', 'MODEL_UNREADABLE', editMean((data) => data.subarray(8))],
    ['a mean that is not a number', 'MODEL_UNREADABLE', editMean((data) => data.fill(255))],
    ['support vectors cut off', 'MODEL_UNREADABLE', editSvm('support_vectors', (it) => it.floats.pop())],
    [
      'a support vector that is NaN',
      'MODEL_UNREADABLE',
      editSvm('support_vectors', (it) => (it.floats[3] = NaN)),
    ],
    ['coefficients too few', 'MODEL_UNREADABLE', editSvm('coefficients', (it) => it.floats.pop())],
    ['rho too long', 'MODEL_UNREADABLE', editSvm('rho', (it) => it.floats.push(0))],
    ['a huge count', 'MODEL_UNREADABLE', editSvm('vectors_per_class', (it) => (it.ints[0] = 2n ** 62n))],
    ['a negative count', 'MODEL_UNREADABLE', editSvm('vectors_per_class', (it) => (it.ints[0] = -1n))],
    ['one class', 'MODEL_UNREADABLE', editSvm('classlabels_strings', (it) => it.strings.splice(1))],
    [
      'a class twice',
      'MODEL_UNREADABLE',
      editSvm('classlabels_strings', (it) => (it.strings[1] = it.strings[0])),
    ],
    [
      'a class that is not a string',
      'MODEL_UNREADABLE',
      editSvm('classlabels_strings', (it) => (it.strings[1] = Uint8Array.of(0xff))),
    ],
    [
      'an unknown kernel',
      'MODEL_UNREADABLE',
      editSvm('kernel_type', (it) => (it.s = new TextEncoder().encode('COSINE'))),
    ],
  ]
  for (const classes of [
    ['cat', 'dog'],
    ['cat', 'dog', 'cow'],
  ]) {
    it.each<[string, (json: ReturnType<typeof JSON.parse>) => void]>([
      ['none', (json) => delete json.svm.sigmoids],
      ['others', (json) => (json.svm.sigmoids.a = json.svm.sigmoids.b)],
      ['too few', (json) => (json.svm.sigmoids.b = '')],
      ['no object', (json) => (json.svm.sigmoids = 3)],
    ])(`refuses sigmoids of ${classes.length} classes where the metadata has %s`, (_, harm) => {
      const model = fromBinary(ModelProtoSchema, writeClassifier(partsOf({ classes, sigmoids: true })))
      edit(harm)(model)
      expect(() => readClassifier(model)).toThrow(expect.objectContaining({ code: 'MODEL_UNREADABLE' }))
    })
  }

  for (const [name, code, harm] of broken) {
    it(`refuses ${name}`, () => {
      const model = fromBinary(ModelProtoSchema, writeClassifier(partsOf()))
      harm(model)
      expect(() => readClassifier(model)).toThrow(expect.objectContaining({ code }))
    })
  }
})

function edit(change: (json: ReturnType<typeof JSON.parse>) => void): (model: ModelProto) => void {
  return (model) => {
    const json = JSON.parse(model.metadataProps[0].value)
    change(json)
    model.metadataProps[0].value = JSON.stringify(json)
  }
}

function editMean(change: (data: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>) {
  return (model: ModelProto) => {
    const mean = model.graph!.initializer.find(({ name }) => name === 'softmargin/mean')!
    mean.rawData = change(mean.rawData)
  }
}

function editSvm(attribute: string, change: (it: AttributeProto) => void): (model: ModelProto) => void {
  return (model) => {
    const svm = model.graph!.node.find(({ opType }) => opType === 'SVMClassifier')!
    change(svm.attribute.find(({ name }) => name === attribute)!)
  }
}

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { layeredCnn, layeredCnnBytes } from '../../../test/support/layered-cnn.ts'
import { ModelProtoSchema, TensorProto_DataLocation } from '../proto/onnx.ts'
import { toBinary } from '../proto/write-message.ts'
import { readModel } from './read-model.ts'

const images = new URL('../../../test/fixtures/images/', import.meta.url)
const text = (content: string) => new TextEncoder().encode(content)
const bytes = layeredCnnBytes()

describe('readModel', () => {
  it('reads an ONNX model without copying its weights', () => {
    const model = readModel(bytes)
    expect(model.graph!.node.map((node) => node.opType)).toEqual(
      layeredCnn().graph!.node.map((n) => n.opType),
    )
    expect(model.graph!.initializer[0].rawData.buffer).toBe(bytes.buffer)
  })

  it.each<[string, Uint8Array, string]>([
    ['nothing', new Uint8Array(0), 'but is empty'],
    ['text', text('weights: none'), 'but is a text file'],
    ['HTML', text('<!doctype html><title>Not found</title>'), 'but is an HTML page'],
    [
      'a Git LFS pointer',
      text('version https://git-lfs.github.com/spec/v1\noid sha256:0'),
      'Git LFS pointer',
    ],
    ['a picture', readFileSync(new URL('baseline.jpg', images)), 'but is a JPEG image'],
    ['an ORT-format model', new Uint8Array([32, 0, 0, 0, 79, 82, 84, 77, 0, 0]), 'ORT format'],
    ['noise', new Uint8Array([1, 2, 3, 4, 255, 255, 0, 9]), 'it is not one, or is truncated or damaged'],
    ['an empty message', new Uint8Array([8, 7]), 'has no graph'],
  ])('refuses %s', (_, wrong, phrase) => {
    expect(() => readModel(wrong)).toThrow(
      expect.objectContaining({
        code: 'MODEL_UNREADABLE',
        argument: 'model',
        message: expect.stringContaining(phrase),
      }),
    )
  })

  it('rejects a model truncated anywhere', () => {
    for (let length = 0; length < bytes.length; length += length < 400 ? 1 : 37) {
      expect(() => readModel(bytes.subarray(0, length)), `the first ${length} bytes`).toThrow(
        expect.objectContaining({ code: 'MODEL_UNREADABLE' }),
      )
    }
  })

  it('rejects a model with external weights and names their location', () => {
    const model = layeredCnn()
    Object.assign(model.graph!.initializer[0], {
      dataLocation: TensorProto_DataLocation.EXTERNAL,
      externalData: [{ $typeName: 'onnx.StringStringEntryProto', key: 'location', value: 'weights.bin' }],
    })
    expect(() => readModel(toBinary(ModelProtoSchema, model))).toThrow(
      expect.objectContaining({
        code: 'MODEL_UNSUPPORTED',
        message: expect.stringMatching(/such as 'conv1.weight', in another file; .* \{ 'weights.bin': /),
      }),
    )
  })
})

import { expect, it } from 'vitest'
import { resnet18 } from '../../../scripts/resnet18.js'
import { layeredCnn } from '../../../test/support/layered-cnn.ts'
import { attachWeights, readModel } from '../graph/read-model.ts'
import { ModelProtoSchema } from '../proto/onnx.ts'
import { fromBinary } from '../proto/read-message.ts'
import { cutModel } from './cut.ts'
import { detachWeights } from './detach-weights.ts'

it("passes large weights as views of the file's bytes", () => {
  const file = resnet18({ widths: [16, 32, 48, 64] })
  const cut = cutModel(readModel(file), ['/Flatten_output_0'])
  const { bytes, files } = detachWeights(cut)
  expect(files.map(({ path }) => path)).toEqual(['weights0'])
  expect(files[0].data.buffer).toBe(file.buffer)
  expect(bytes.length).toBeLessThan(file.length / 10)

  const model = fromBinary(ModelProtoSchema, bytes)
  attachWeights(model.graph!, { weights0: files[0].data }, 'model')
  for (const [i, tensor] of model.graph!.initializer.entries()) {
    const wanted = cut.graph!.initializer[i]
    expect([tensor.name, tensor.dims]).toEqual([wanted.name, wanted.dims])
    expect(Buffer.compare(tensor.rawData, wanted.rawData)).toBe(0)
  }
})

it('leaves small ones in the model because shape inference reads them', () => {
  expect(detachWeights(layeredCnn()).files).toEqual([])
})

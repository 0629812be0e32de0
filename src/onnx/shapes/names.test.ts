import { expect, it } from 'vitest'
import { node, tensorInfo } from '../graph/nodes.ts'
import { create } from '../proto/message.ts'
import { TensorProto_DataType as DataType, ModelProtoSchema } from '../proto/onnx.ts'
import { inferTensors } from './infer.ts'
import { multiplyAdds } from './multiply-adds.ts'

it.each(['constructor', 'toString', '__proto__', 'valueOf', 'hasOwnProperty'])(
  'an input and an operator named %s are treated like any other',
  (name) => {
    const unknown = node('', name, [name, name], ['y'])
    const model = create(ModelProtoSchema, {
      graph: {
        name: 'names',
        node: [unknown],
        input: [tensorInfo(name, DataType.FLOAT, [1, 3])],
        output: [tensorInfo('y', DataType.FLOAT, ['N'])],
      },
    })
    const facts = inferTensors(model)
    expect(facts.get(name)?.dims).toEqual([1, 3])
    expect(facts.get('y')?.values).toBeUndefined()
    expect(multiplyAdds(unknown, facts)).toBe(0)
    expect(inferTensors(model, Object.fromEntries([[name, [2, 3]]])).get(name)?.dims).toEqual([2, 3])
  },
)

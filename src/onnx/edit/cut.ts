import { SoftmarginError, show } from '../../core/errors.ts'
import { producers, requiredInputs, tensorsReadBy } from '../graph/graph.ts'
import { create } from '../proto/message.ts'
import {
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  ValueInfoProtoSchema,
} from '../proto/onnx.ts'

/**
 * Returns the part of a model that computes the given tensors, which become its outputs. Nodes, weights and
 * inputs that only the rest needs are removed. The model itself is not modified; the weights are shared, not
 * copied.
 *
 * @param outputs names of tensors computed by nodes of the main graph
 * @throws {SoftmarginError} `LAYER_NOT_FOUND`
 */
export function cutModel(model: ModelProto, outputs: string[]): ModelProto {
  return create(ModelProtoSchema, {
    // Before IR version 4, initializers had to be listed among the graph's inputs.
    irVersion: model.irVersion > 4n ? model.irVersion : 4n,
    opsetImport: model.opsetImport,
    producerName: model.producerName,
    producerVersion: model.producerVersion,
    domain: model.domain,
    modelVersion: model.modelVersion,
    docString: model.docString,
    metadataProps: model.metadataProps,
    functions: model.functions,
    graph: cutGraph(model.graph!, outputs),
  })
}

/** The graph of a cut model. @throws {SoftmarginError} `LAYER_NOT_FOUND` */
export function cutGraph(graph: GraphProto, outputs: string[]): GraphProto {
  const made = producers(graph)
  for (const name of outputs) {
    if (!made.has(name)) {
      const details = { argument: 'layer', received: name, expected: 'a tensor that the model computes' }
      throw new SoftmarginError(
        'LAYER_NOT_FOUND',
        `no node of the model computes a tensor ${show(name)}`,
        details,
      )
    }
  }
  const asked = new Set(outputs)
  const needed = new Set<string>()
  const keep = new Set<unknown>()
  const open = [...outputs]
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (needed.has(name)) continue
    needed.add(name)
    const node = made.get(name)
    if (!node || keep.has(node)) continue
    keep.add(node)
    // Not `push(...)`: a node with some 100,000 inputs would exceed the limit on call arguments.
    for (const input of tensorsReadBy(node)) open.push(input)
  }
  const types = new Map([...graph.valueInfo, ...graph.output].map((info) => [info.name, info]))
  return create(GraphProtoSchema, {
    name: graph.name,
    docString: graph.docString,
    node: graph.node.filter((node) => keep.has(node)),
    initializer: graph.initializer.filter(({ name }) => needed.has(name)),
    sparseInitializer: graph.sparseInitializer.filter(({ values }) => values && needed.has(values.name)),
    input: requiredInputs(graph).filter(({ name }) => needed.has(name)),
    // If the file does not record a tensor's type, runtimes infer it.
    output: outputs.map((name) => types.get(name) ?? create(ValueInfoProtoSchema, { name })),
    valueInfo: graph.valueInfo.filter(({ name }) => needed.has(name) && !asked.has(name)),
    quantizationAnnotation: graph.quantizationAnnotation.filter(({ tensorName }) => needed.has(tensorName)),
  })
}

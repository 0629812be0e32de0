import { create } from '../proto/message.ts'
import {
  type AttributeProto,
  AttributeProtoSchema,
  FunctionProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type OperatorSetIdProto,
  SparseTensorProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  ValueInfoProtoSchema,
} from '../proto/onnx.ts'
import { toBinary } from '../proto/write-message.ts'
import { subgraphs } from './graph.ts'

/**
 * Serializes what a model computes: operators with attributes, weights, opsets and tensor names. Two files of
 * the same network give the same bytes. Left out are metadata, producer, documentation, node names, shape
 * annotations, and opsets that no node uses.
 */
export function computationOf(model: ModelProto): Uint8Array<ArrayBuffer> {
  const bodies = [model.graph!.node, ...model.functions.map(({ node }) => node)]
  const nodes = bodies.flatMap((body) => [...allNodes(body)])
  const used = new Set(nodes.map(({ domain }) => canonicalDomain(domain)))
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      opsetImport: operatorSets(model.opsetImport, used),
      functions: model.functions
        .filter(({ domain }) => used.has(canonicalDomain(domain)))
        .map((body) =>
          create(FunctionProtoSchema, {
            ...{ name: body.name, domain: body.domain, overload: body.overload },
            ...{ input: body.input, output: body.output, attribute: body.attribute },
            attributeProto: body.attributeProto.map(plainAttribute),
            opsetImport: operatorSets(body.opsetImport, used),
            node: body.node.map(plainNode),
          }),
        )
        .sort((a, b) =>
          compare(`${a.domain}:${a.name}:${a.overload}`, `${b.domain}:${b.name}:${b.overload}`),
        ),
      graph: plainGraph(model.graph!),
    }),
  )
}

function* allNodes(nodes: NodeProto[]): Generator<NodeProto> {
  for (const node of nodes) {
    yield node
    for (const graph of subgraphs(node)) yield* allNodes(graph.node)
  }
}

/** The default domain has two names, '' and 'ai.onnx', and may also be absent. */
function canonicalDomain(domain: string | undefined): string {
  return domain === undefined || domain === 'ai.onnx' ? '' : domain
}

function operatorSets(sets: OperatorSetIdProto[], used: ReadonlySet<string>): OperatorSetIdProto[] {
  return sets
    .map((set) => ({ ...set, domain: canonicalDomain(set.domain) }))
    .filter(({ domain }) => used.has(domain))
    .sort((a, b) => compare(a.domain, b.domain))
}

function plainGraph(graph: GraphProto): GraphProto {
  return create(GraphProtoSchema, {
    node: graph.node.map(plainNode),
    initializer: graph.initializer.map(plainTensor).sort(byName),
    sparseInitializer: graph.sparseInitializer.map((sparse) =>
      create(SparseTensorProtoSchema, {
        dims: sparse.dims,
        ...(sparse.values && { values: plainTensor(sparse.values) }),
        ...(sparse.indices && { indices: plainTensor(sparse.indices) }),
      }),
    ),
    input: graph.input.map(({ name }) => create(ValueInfoProtoSchema, { name })),
    output: graph.output.map(({ name }) => create(ValueInfoProtoSchema, { name })),
    quantizationAnnotation: graph.quantizationAnnotation,
  })
}

function plainNode({ input, output, opType, domain, overload, attribute }: NodeProto): NodeProto {
  return create(NodeProtoSchema, {
    ...{ input, output, opType },
    overload: overload ?? '',
    domain: canonicalDomain(domain),
    attribute: attribute.map(plainAttribute).sort(byName),
  })
}

function plainAttribute(attribute: AttributeProto): AttributeProto {
  return create(AttributeProtoSchema, {
    ...attribute,
    docString: '',
    t: attribute.t && plainTensor(attribute.t),
    tensors: attribute.tensors.map(plainTensor),
    g: attribute.g && plainGraph(attribute.g),
    graphs: attribute.graphs.map(plainGraph),
  })
}

/** The weight data is shared, not copied. */
function plainTensor(tensor: TensorProto): TensorProto {
  return create(TensorProtoSchema, { ...tensor, docString: '', metadataProps: [] })
}

function byName(a: { name: string }, b: { name: string }): number {
  return compare(a.name, b.name)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

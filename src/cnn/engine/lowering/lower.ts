import { show } from '../../../core/errors.ts'
import { isOnnxDomain } from '../../../onnx/graph/operator-set.ts'
import type { GraphProto, ModelProto, NodeProto } from '../../../onnx/proto/onnx.ts'
import { inferOnDemand } from '../../../onnx/shapes/infer-on-demand.ts'
import type { Dims, TensorInfo } from '../../../onnx/shapes/tensor-info.ts'
import type { lowerElementwise } from './lower-elementwise.ts'
import type { lowerMoves } from './lower-moves.ts'
import type { lowerNormalizations } from './lower-normalizations.ts'
import type { lowerPools } from './lower-pools.ts'
import type { lowerProducts } from './lower-products.ts'
import type { lowerResize } from './lower-resize.ts'
import { lowerShapes, plainSums } from './lower-shapes.ts'
import { lowerWindows } from './lower-windows.ts'
import { isNotFloat, type Lower, Lowering, type Tensor } from './lowering.ts'
import { NotForEngine } from './not-for-engine.ts'
import { lengthOf, type MapValue, type Program } from './operations.ts'

/**
 * Operators whose lowering functions are loaded with the first network that has one: many have none. The types make sure
 * that none is missing.
 */
const onDemand: readonly { operators: Record<string, true>; load: () => Promise<Record<string, Lower>> }[] = [
  {
    operators: { Gemm: true, MatMul: true } satisfies Record<keyof typeof lowerProducts, true>,
    load: async () => (await import('./lower-products.ts')).lowerProducts,
  },
  {
    operators: { BatchNormalization: true, Softmax: true, LayerNormalization: true } satisfies Record<
      keyof typeof lowerNormalizations,
      true
    >,
    load: async () => (await import('./lower-normalizations.ts')).lowerNormalizations,
  },
  {
    operators: {
      MaxPool: true,
      AveragePool: true,
      GlobalMaxPool: true,
      ReduceMean: true,
      ReduceMax: true,
    } satisfies Record<keyof typeof lowerPools, true>,
    load: async () => (await import('./lower-pools.ts')).lowerPools,
  },
  {
    operators: {
      Add: true,
      Mul: true,
      Sub: true,
      Div: true,
      Max: true,
      Min: true,
      LeakyRelu: true,
      HardSigmoid: true,
      HardSwish: true,
      Sigmoid: true,
      Swish: true,
      Gelu: true,
      Tanh: true,
      Elu: true,
      Erf: true,
      Exp: true,
      Abs: true,
      Neg: true,
      Reciprocal: true,
    } satisfies Record<keyof typeof lowerElementwise, true>,
    load: async () => (await import('./lower-elementwise.ts')).lowerElementwise,
  },
  {
    operators: { Transpose: true, Pad: true, Slice: true } satisfies Record<keyof typeof lowerMoves, true>,
    load: async () => (await import('./lower-moves.ts')).lowerMoves,
  },
  {
    operators: { Resize: true } satisfies Record<keyof typeof lowerResize, true>,
    load: async () => (await import('./lower-resize.ts')).lowerResize,
  },
]

/** The lowering functions, by ONNX operator, of those operators of a graph that the engine supports. */
async function loweringsFor(graph: GraphProto): Promise<Map<string, Lower>> {
  const sums = plainSums(graph)
  const types = graph.node.filter((node) => !sums.has(node)).map(({ opType }) => opType)
  const needed = onDemand.filter(({ operators }) => types.some((type) => Object.hasOwn(operators, type)))
  const loaded = await Promise.all(needed.map(({ load }) => load()))
  const known = Object.assign({}, lowerWindows, lowerShapes, ...loaded)
  return new Map(Object.entries<Lower>(known))
}

/**
 * Lowers a graph to operations on maps.
 *
 * @param model model with float32 input and outputs, as `withFloat32Io` returns it
 * @param input name of the image input
 * @param dims dimensions of the input: batch, channels, height, width
 * @param isFree whether the model accepts any batch size; the batch in `dims` is then ignored
 * @throws {NotForEngine} if the graph has operators, or uses of them, that the engine does not support
 * @throws {SoftmarginError} `MODEL_UNREADABLE` for weights that do not match their shape
 */
export async function lower(
  model: ModelProto,
  input: string,
  dims: readonly number[],
  isFree: boolean,
): Promise<Program> {
  const graph = model.graph!
  if (graph.sparseInitializer.length > 0) throw new NotForEngine('it has sparse weights')
  // If the batch is free, use a prime that is unlikely to equal another dimension, to recognize the batch
  // axis.
  const batch = isFree ? 1009 : dims[0]
  const [, channels, height, width] = dims
  const facts = await inferOnDemand(model, { [input]: [batch, ...dims.slice(1)] as Dims })
  const lowering = new Lowering(model, facts, batch)
  const source: MapValue = { shape: { channels, height, width } }
  lowering.name(input, { value: source, view: 'first' })
  await lowerNodes(lowering, graph, facts)
  return { operations: lowering.operations, input: source, outputs: outputsOf(lowering, graph) }
}

/**
 * Lowers the nodes of a graph, which are in topological order.
 *
 * @param after called when one has been lowered that computes with floats; for a LayerNormalization of several nodes with
 *   one that stands for them
 */
export async function lowerNodes(
  lowering: Lowering,
  graph: GraphProto,
  facts: Map<string, TensorInfo>,
  after: (node: NodeProto) => void = () => {},
): Promise<void> {
  const lowerings = await loweringsFor(graph)
  const layerNorms = await speltLayerNorms(graph)
  for (const node of graph.node) {
    const layerNorm = layerNorms?.last.get(node)
    if (layerNorm) {
      layerNorms!.lower(lowering, node, layerNorm)
      const { x, scale = '', bias = '' } = layerNorm
      after({ ...node, opType: 'LayerNormalization', input: [x, scale, bias] })
    }
    if (layerNorm || layerNorms?.inner.has(node)) continue
    if (isNotFloat(facts.get(node.output[0])?.type)) {
      // Arithmetic on shapes, which `inferTensors` has already evaluated.
      for (const name of node.output) lowering.name(name, 'integers')
      continue
    }
    const lowerNode = isOnnxDomain(node.domain) ? lowerings.get(node.opType) : undefined
    if (!lowerNode) throw new NotForEngine(`it has the unsupported operator ${show(node.opType)}`)
    if (node.output.slice(1).some((name) => name !== '')) {
      throw new NotForEngine(`node ${show(node.name)} (${node.opType}) has several outputs`)
    }
    lowerNode(lowering, node)
    after(node)
  }
}

/** The LayerNormalizations of several nodes, if the graph can have any, and how to lower one. */
async function speltLayerNorms(graph: GraphProto) {
  const centres = ['Sub', 'ReduceMean'].every((type) => graph.node.some(({ opType }) => opType === type))
  if (!centres) return undefined
  const { findLayerNorms, lowerLayerNorm } = await import('./layer-norm-pattern.ts')
  return { ...findLayerNorms(graph), lower: lowerLayerNorm }
}

/** The outputs of a graph. @throws {NotForEngine} if the order of their numbers is not that of ONNX */
export function outputsOf(lowering: Lowering, graph: GraphProto): Program['outputs'] {
  const outputs = graph.output.map(({ name }) => {
    const { value } = lowering.tensor(name)
    return { name, value, dims: lowering.mapDims(name) }
  })
  for (const { name, value, dims: told } of outputs) {
    // Outputs are returned in planar order, which is that of channels-first maps and of vectors.
    if (told.reduce((all, n) => all * n, 1) !== lengthOf(value.shape) || isTurned(lowering.tensor(name))) {
      throw new NotForEngine(`the channels of the output ${show(name)} are last`)
    }
  }
  return outputs
}

function isTurned({ value, view }: Tensor): boolean {
  return view === 'last' && value.shape.channels > 1 && value.shape.height * value.shape.width > 1
}

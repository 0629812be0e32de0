import { invalidArgument } from '../../core/errors.ts'
import { numbersOf } from '../graph/attributes.ts'
import { tensorsReadBy } from '../graph/graph.ts'
import { constant, node } from '../graph/nodes.ts'
import { copyOfGraph, freeName, renameTensors, tensorNames } from '../graph/rename.ts'
import { create } from '../proto/message.ts'
import {
  TensorProto_DataType as DataType,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  TensorProtoSchema,
} from '../proto/onnx.ts'

/** How an output is arranged: its rank, the axis of its channels, and for tokens their grid after the prefix tokens. */
export interface OutputArrangement {
  rank: number | undefined
  channelAxis?: number | undefined
  prefixTokens?: number | undefined
  patches?: { height: number; width: number } | undefined
}

/** The first opset whose Slice supports negative steps. */
const backwards = 10n

/**
 * Returns a model whose outputs are averaged over images and their horizontal mirror images. Maps of the mirror images
 * are flipped back before averaging, and so are the patch tokens of transformers. The nodes are duplicated, the weights
 * are shared, and the model itself is not modified.
 *
 * @param model model with float32 input and outputs
 * @param input name of its image input: [N, C, H, W]
 * @param arrangementOf how an output is arranged
 * @throws {SoftmarginError} `INVALID_ARGUMENT` for an output that is neither a map, a vector nor a grid of tokens per
 *   image, and for an opset below 10
 */
export function withHorizontalFlip(
  model: ModelProto,
  input: string,
  arrangementOf: (output: string) => OutputArrangement,
): ModelProto {
  const graph = model.graph!
  const version = model.opsetImport.find(({ domain }) => domain === '' || domain === 'ai.onnx')?.version ?? 0n
  if (version < backwards) {
    const message = `mirror: true needs a model of operator set ${backwards} or newer, but this one has operator set ${version}`
    throw invalidArgument('mirror', true, `false for a model of operator set ${version}`, message)
  }
  const names = tensorNames(graph)
  const isFromImage = new Set([input])
  const path: NodeProto[] = []
  for (const one of graph.node) {
    if (!tensorsReadBy(one).some((name) => isFromImage.has(name))) continue
    path.push(one)
    for (const name of one.output) if (name !== '') isFromImage.add(name)
  }
  const plain = new Map(graph.output.map(({ name }) => [name, freeName(`${name}_plain`, names)]))
  const twins = new Map([...isFromImage].map((name) => [name, freeName(`${name}_mirrored`, names)]))

  const copy = copyOfGraph(graph)
  renameTensors(copy, (name) => plain.get(name) ?? name)
  const twin = copyOfGraph({ ...graph, node: path, initializer: [], sparseInitializer: [] })
  renameTensors(twin, (name) => twins.get(name) ?? name)
  for (const one of twin.node) if (one.name !== '') one.name += '_mirrored'

  const of = (what: string) => freeName(`mirror_${what}`, names)
  const [starts, ends, axes, steps, half] = ['starts', 'ends', 'axes', 'steps', 'half'].map(of)
  const integer = (name: string, value: bigint) => constant(name, BigInt64Array.of(value))
  const turned = (from: string, to: string, axis = axes) =>
    node(to, 'Slice', [from, starts, ends, axis, steps], [to])
  const constants = [
    // A slice from the last column back to the first.
    ...[integer(starts, -1n), integer(ends, -(2n ** 31n)), integer(axes, 3n), integer(steps, -1n)],
    create(TensorProtoSchema, { name: half, dataType: DataType.FLOAT, floatData: [0.5] }),
  ]
  /** The node that flips an output of the mirror image back; `undefined` for a vector. */
  const flippedBack = (name: string, from: string, to: string): NodeProto | undefined => {
    const { rank, channelAxis, ...tokens } = arrangementOf(name)
    if (rank === 2) return undefined
    if (rank === 4 && channelAxis !== 3) return turned(from, to)
    const list = of(`order_of_${name}`)
    if (rank === 4) {
      constants.push(integer(list, 2n))
      return turned(from, to, list)
    }
    const order = rank === 3 ? mirroredTokens(tokens) : undefined
    if (order) {
      constants.push(constant(list, order))
      return node(to, 'Gather', [from, list], [to], { axis: channelAxis === 1 ? 2n : 1n })
    }
    const what = rank === undefined ? 'of unknown dimensions' : `of ${rank} dimensions`
    const needed = 'a layer of feature maps, of a grid of tokens or of one row for each image'
    const message = `mirror: true needs ${needed}, but '${name}' is ${what}`
    throw invalidArgument('mirror', true, `false for the layer '${name}'`, message)
  }
  const behind = graph.output.flatMap(({ name }) => {
    const [sum, back] = [of(`sum_of_${name}`), of(`back_of_${name}`)]
    const flip = flippedBack(name, twins.get(name)!, back)
    return [
      ...(flip ? [flip] : []),
      node(sum, 'Add', [plain.get(name)!, flip ? back : twins.get(name)!], [sum]),
      node(of(`mean_of_${name}`), 'Mul', [sum, half], [name]),
    ]
  })
  copy.node = [turned(input, twins.get(input)!), ...copy.node, ...twin.node, ...behind]
  copy.initializer = [...copy.initializer, ...constants]
  copy.input = graph.input
  copy.output = graph.output
  return create(ModelProtoSchema, { ...model, graph: copy })
}

/**
 * Whether a model also runs on the horizontally flipped image, as those of `withHorizontalFlip` do: a node reverses the
 * columns of an input.
 */
export function hasHorizontalFlip(model: ModelProto): boolean {
  const graph = model.graph!
  const inputs = new Set(graph.input.map(({ name }) => name))
  const values = (name: string) => {
    const tensor = graph.initializer.find((one) => one.name === name)
    return tensor && numbersOf(tensor)
  }
  return graph.node.some(({ opType, input: [from, , , axes, steps] }) => {
    if (opType !== 'Slice' || !inputs.has(from)) return false
    return values(axes)?.join() === '3' && values(steps)?.join() === '-1'
  })
}

/** For each token of an image, the index of the mirror image's token that shows the same part. */
function mirroredTokens({
  prefixTokens = 0,
  patches,
}: Omit<OutputArrangement, 'rank'>): BigInt64Array | undefined {
  if (!patches) return undefined
  const { height, width } = patches
  return BigInt64Array.from({ length: prefixTokens + height * width }, (_, token) => {
    const patch = token - prefixTokens
    if (patch < 0) return BigInt(token)
    const column = patch % width
    return BigInt(token - column + (width - 1 - column))
  })
}

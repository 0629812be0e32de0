import { invalidArgument } from '../../core/errors.ts'
import { readBy } from '../graph/graph.ts'
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

/** The first opset whose Slice supports negative steps. */
const backwards = 10n

/**
 * Returns a model whose outputs are averaged over images and their horizontal mirror images. Maps of the
 * mirror images are flipped back before averaging. The nodes are duplicated, the weights are shared, and the
 * model itself is not modified.
 *
 * @param model model with float32 input and outputs
 * @param input name of its image input: [N, C, H, W]
 * @param rankOf rank of an output; 4 for a map
 * @throws {SoftmarginError} `INVALID_ARGUMENT` for an output that is neither a map nor a vector per image,
 *   and for an opset below 10
 */
export function withHorizontalFlip(
  model: ModelProto,
  input: string,
  rankOf: (output: string) => number | undefined,
): ModelProto {
  const graph = model.graph!
  const version = model.opsetImport.find(({ domain }) => domain === '' || domain === 'ai.onnx')?.version ?? 0n
  if (version < backwards) {
    throw invalidArgument(
      'mirror',
      true,
      `false for a model of operator set ${version}: ${backwards} is needed`,
    )
  }
  const names = tensorNames(graph)
  const isFromImage = new Set([input])
  const path: NodeProto[] = []
  for (const one of graph.node) {
    if (!readBy(one).some((name) => isFromImage.has(name))) continue
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
  const turned = (from: string, to: string) => node(to, 'Slice', [from, starts, ends, axes, steps], [to])
  const behind = graph.output.flatMap(({ name }) => {
    const rank = rankOf(name)
    if (rank !== 2 && rank !== 4) {
      const what = rank === undefined ? 'of unknown dimensions' : `of ${rank} dimensions`
      throw invalidArgument('mirror', true, `false for '${name}', which is ${what}: neither a map nor a row`)
    }
    const [sum, back] = [of(`sum_of_${name}`), of(`back_of_${name}`)]
    const other = rank === 4 ? back : twins.get(name)!
    return [
      ...(rank === 4 ? [turned(twins.get(name)!, back)] : []),
      node(sum, 'Add', [plain.get(name)!, other], [sum]),
      node(of(`mean_of_${name}`), 'Mul', [sum, half], [name]),
    ]
  })
  copy.node = [turned(input, twins.get(input)!), ...copy.node, ...twin.node, ...behind]
  copy.initializer = [
    ...copy.initializer,
    // A slice from the last column back to the first.
    ...[integer(starts, -1n), integer(ends, -(2n ** 31n)), integer(axes, 3n), integer(steps, -1n)],
    create(TensorProtoSchema, { name: half, dataType: DataType.FLOAT, floatData: [0.5] }),
  ]
  copy.input = graph.input
  copy.output = graph.output
  return create(ModelProtoSchema, { ...model, graph: copy })
}

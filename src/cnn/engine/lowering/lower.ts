import type { ModelProto, NodeProto } from 'onnx-buf'
import { show } from '../../../core/errors.ts'
import { inferTensors } from '../../../onnx/shapes/infer.ts'
import type { Dims } from '../../../onnx/shapes/tensor-info.ts'
import { lowerElementwise } from './lower-elementwise.ts'
import { lowerShapes } from './lower-shapes.ts'
import { lowerWindows } from './lower-windows.ts'
import { isInteger, Lowering, type Tensor } from './lowering.ts'
import { NotForEngine } from './not-for-engine.ts'
import { lengthOf, type MapValue, type Program } from './operations.ts'

/** How each operator of ONNX is lowered. */
const lowerings = new Map<string, (lowering: Lowering, node: NodeProto) => void>(
  Object.entries({ ...lowerWindows, ...lowerElementwise, ...lowerShapes }),
)

/**
 * Lowers a graph to operations on maps.
 *
 * @param model float32 at both ends, as `cutAt` makes it
 * @param input the name of its image input
 * @param dims of the input: batch, channels, height, width. The batch may be any where the model leaves it open
 * @throws {NotForEngine} where it has operators, or uses of them, that the engine does not know
 * @throws {SoftmarginError} `MODEL_UNREADABLE` for weights that do not fit their shape
 */
export function lower(model: ModelProto, input: string, dims: readonly number[], isFree: boolean): Program {
  const graph = model.graph!
  if (graph.sparseInitializer.length > 0) throw new NotForEngine('it has sparse weights')
  // Where any batch will do, one that is no other size tells the batch's axis apart.
  const batch = isFree ? 1009 : dims[0]
  const [, channels, height, width] = dims
  const facts = inferTensors(model, { [input]: [batch, ...dims.slice(1)] as Dims })
  const lowering = new Lowering(model, facts, batch)
  const source: MapValue = { shape: { channels, height, width } }
  lowering.name(input, { value: source, view: 'first' })
  for (const node of graph.node) {
    if (isInteger(facts.get(node.output[0])?.type)) {
      // Arithmetic on shapes, which `inferTensors` has done already.
      for (const name of node.output) lowering.name(name, 'integers')
      continue
    }
    // Copies of a node have no domain where it is the default one.
    const isOurs = !node.domain || node.domain === 'ai.onnx'
    const lowerNode = isOurs ? lowerings.get(node.opType) : undefined
    if (!lowerNode) throw new NotForEngine(`it has the operator ${show(node.opType)}`)
    if (node.output.slice(1).some((name) => name !== '')) {
      throw new NotForEngine(`node ${show(node.name)} of type ${node.opType} has several outputs`)
    }
    lowerNode(lowering, node)
  }
  const outputs = graph.output.map(({ name }) => {
    const { value } = lowering.tensor(name)
    return { name, value, dims: lowering.mapDims(name) }
  })
  for (const { name, value, dims: told } of outputs) {
    // Numbers leave in the order of planes, which is that of maps with their channels first, and of rows.
    if (told.reduce((all, n) => all * n, 1) !== lengthOf(value.shape) || isTurned(lowering.tensor(name))) {
      throw new NotForEngine(`the output ${show(name)} has its channels last`)
    }
  }
  return { operations: lowering.operations, input: source, outputs }
}

function isTurned({ value, view }: Tensor): boolean {
  return view === 'last' && value.shape.channels > 1 && value.shape.height * value.shape.width > 1
}

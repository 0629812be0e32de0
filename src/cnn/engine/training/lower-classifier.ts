import { show } from '../../../core/errors.ts'
import type { ModelProto, NodeProto } from '../../../onnx/proto/onnx.ts'
import { inferTensors } from '../../../onnx/shapes/infer.ts'
import { fuseForTraining } from '../lowering/fusion/fuse.ts'
import { lowerNodes, outputsOf } from '../lowering/lower.ts'
import { scaleChannels } from '../lowering/lower-windows.ts'
import { Lowering } from '../lowering/lowering.ts'
import { NotForEngine } from '../lowering/not-for-engine.ts'
import type { MapShape, MapValue, Program } from '../lowering/operations.ts'
import { isFromResult } from './activation-gradient.ts'
import { makeTrainable, parametersOf, type TrainableTensor } from './trainable.ts'

/** A graph whose output is one row of logits for each image. */
export interface ClassifierSource {
  /** Its inputs are the tensors of `inputs` and the parameters. */
  model: ModelProto
  /** The tensors that are read for each image, with their dimensions, batch first. */
  inputs: readonly { name: string; dims: readonly number[] }[]
  parameters: readonly TrainableTensor[]
}

/** A classifier as operations. */
export interface ClassifierProgram extends Program {
  /** The maps of `ClassifierSource.inputs`. */
  inputs: MapValue[]
  logits: MapValue
}

/**
 * Lowers a classifier to operations whose gradients the engine can compute.
 *
 * @throws {NotForEngine} if it has operators, or uses of parameters, that the engine cannot train
 */
export async function lowerClassifier({
  model,
  inputs,
  parameters,
}: ClassifierSource): Promise<ClassifierProgram> {
  const graph = model.graph!
  const batch = inputs[0].dims[0]
  const facts = inferTensors(model, Object.fromEntries(inputs.map(({ name, dims }) => [name, [...dims]])))
  const lowering = new Lowering(model, facts, batch)
  const maps = inputs.map(({ name, dims }): MapValue => {
    const value = { shape: shapeOf(name, dims) }
    lowering.name(name, { value, view: dims.length === 4 ? 'first' : 'flat' })
    return value
  })
  const known = parametersOf(parameters, graph.node)
  for (const { name, dims, values } of parameters)
    lowering.name(name, { dims: [...dims], read: () => values })
  await lowerNodes(lowering, graph, facts, (node: NodeProto) => {
    splitLayerNormalization(lowering, node)
    if (node.input.some(known.find)) makeTrainable(lowering, node, known)
  })
  const outputs = outputsOf(lowering, graph)
  const program = { operations: lowering.operations, input: maps[0], outputs }
  return { ...(await fuseForTraining(program, isFromResult)), inputs: maps, logits: outputs[0].value }
}

/**
 * Makes the scale and the bias of a LayerNormalization an operation of their own, whose gradients are those of any scale
 * and bias for each channel.
 */
function splitLayerNormalization(lowering: Lowering, node: NodeProto): void {
  const normalization = lowering.operations.at(-1)
  if (node.opType !== 'LayerNormalization' || normalization?.type !== 'layer-normalization') return
  const { scale, bias } = normalization
  normalization.scale = new Float32Array(scale.length).fill(1)
  normalization.bias = new Float32Array(bias.length)
  scaleChannels(lowering, node, lowering.tensor(node.output[0]), scale, bias)
}

function shapeOf(name: string, dims: readonly number[]): MapShape {
  const [, channels, height = 1, width = 1] = dims
  if (dims.length === 4 || dims.length === 2) return { channels, height, width }
  throw new NotForEngine(`the tensor ${show(name)} has ${dims.length} dimensions`)
}

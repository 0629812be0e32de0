import { dimensions, producers, requiredInputs, tensorsReadBy } from '../../onnx/graph/graph.ts'
import type { GraphProto } from '../../onnx/proto/onnx.ts'

/**
 * The part of a graph that is computed from its image input alone. Models for images and texts (CLIP) have a tower for
 * each, and only the image tower provides features.
 *
 * @param graph graph in topological order
 * @returns the graph itself if it has one input, or no input that is clearly the image
 */
export function imagePart(graph: GraphProto): GraphProto {
  const inputs = requiredInputs(graph)
  const images = inputs.filter(({ type }) => {
    const dims = dimensions(type)
    return dims?.length === 4 && (dims[1] === 1 || dims[1] === 3 || dims[1] === undefined)
  })
  if (inputs.length < 2 || images.length !== 1) return graph
  const others = new Set(inputs.filter((input) => input !== images[0]).map(({ name }) => name))
  const node = graph.node.filter((one) => {
    if (!tensorsReadBy(one).some((name) => others.has(name))) return true
    for (const name of one.output) others.add(name)
    return false
  })
  const made = producers({ ...graph, node })
  const kept = graph.output.filter(({ name }) => made.has(name))
  const types = new Map(graph.valueInfo.map((info) => [info.name, info]))
  // If every output also needs other inputs, use the tensors of the image's part that they read.
  const read = new Set(graph.node.filter((one) => !node.includes(one)).flatMap(tensorsReadBy))
  const ends = [...read].flatMap((name) => (made.has(name) && types.get(name)) || [])
  return { ...graph, node, input: images, output: kept.length > 0 ? kept : ends }
}

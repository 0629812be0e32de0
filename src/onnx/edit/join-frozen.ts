import { copyOfGraph, freeName } from '../graph/copy-graph.ts'
import { tensorsReadBy, topologicalOrder } from '../graph/graph.ts'
import { node } from '../graph/nodes.ts'
import { renameTensors } from '../graph/rename.ts'
import { create } from '../proto/message.ts'
import { type ModelProto, ModelProtoSchema } from '../proto/onnx.ts'
import { cutModel } from './cut.ts'

/**
 * Returns a model whose output is that of a tuned network and that of the frozen one side by side, under the same name.
 * What does not depend on tuned weights is computed once. The models are not modified; they share their weights.
 *
 * @param frozen model with one output
 * @param tuned the same with other weights, as from `withWeights`
 * @param weights names of the tensors that differ
 * @param axis along which the outputs are joined
 */
export function joinFrozen(
  frozen: ModelProto,
  tuned: ModelProto,
  weights: Iterable<string>,
  axis: number,
): ModelProto {
  const old = frozen.graph!
  const graph = copyOfGraph(tuned.graph!)
  const tensors = [...old.initializer, ...graph.initializer, ...old.input].map(({ name }) => name)
  const names = new Set([...tensors, ...[...old.node, ...graph.node].flatMap(({ output }) => output)])
  const twins = new Map([...weights].map((name) => [name, freeName(`${name}_frozen`, names)]))
  const copied = topologicalOrder(old)!.filter((one) => {
    const depends = tensorsReadBy(one).some((name) => twins.has(name))
    if (!depends && !one.output.some((name) => twins.has(name))) return false
    for (const name of one.output)
      if (name !== '' && !twins.has(name)) twins.set(name, freeName(`${name}_frozen`, names))
    return true
  })
  const known = new Set(graph.initializer.map(({ name }) => name))
  const initializer = old.initializer.filter(({ name }) => twins.has(name) || !known.has(name))
  const copy = copyOfGraph({ ...old, node: copied, initializer, sparseInitializer: [] })
  renameTensors(copy, (name) => twins.get(name) ?? name)
  for (const one of copy.node) if (one.name !== '') one.name += '_frozen'

  const [{ name: output }] = old.output
  const ofTuned = freeName(`${output}_tuned`, names)
  renameTensors(graph, (name) => (name === output ? ofTuned : name))
  const both = node(freeName(`${output}_joined`, names), 'Concat', [ofTuned, twins.get(output)!], [output], {
    axis: BigInt(axis),
  })
  graph.node.push(...copy.node, both)
  graph.initializer.push(...copy.initializer)
  graph.input = old.input
  graph.output = [{ ...old.output[0], type: undefined }]
  // Without what only the tuned output read of the frozen constants.
  return cutModel(create(ModelProtoSchema, { ...tuned, graph }), [output])
}

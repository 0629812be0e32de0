// What ONNX Runtime answers, in any of its builds: activations, or the reason why it has none.

import { SoftmarginError, show } from '../core/errors.ts'
import type { ModelProto, NodeProto } from '../onnx/proto/onnx.ts'
import type { Activation } from './running-network.ts'

/** The outputs of a run, by name. @throws {SoftmarginError} `MODEL_UNSUPPORTED` for other types than float32 */
export function activationsOf(
  results: Readonly<Record<string, { data: unknown; type: string; dims: readonly number[] }>>,
): Map<string, Activation> {
  const activations = new Map<string, Activation>()
  for (const [name, { data, type, dims }] of Object.entries(results)) {
    if (!isFloat32(data)) throw unsupported(`layer '${name}' returns ${type} instead of float32`)
    activations.set(name, { data, dims })
  }
  return activations
}

/** Whether a value is a Float32Array, of this realm or of another one. */
function isFloat32(value: unknown): value is Float32Array {
  return Object.prototype.toString.call(value) === '[object Float32Array]'
}

/** The error for a model that ONNX Runtime does not load. */
export function loadError(model: ModelProto, cause: unknown): SoftmarginError {
  return unsupported(explainLoadFailure(model, reason(cause)), cause)
}

/** The error for a batch on which a model fails. */
export function runError(dims: readonly number[], cause: unknown): SoftmarginError {
  return unsupported(`the model fails on a batch of [${dims.join(', ')}]: ${reason(cause)}`, cause)
}

/** ONNX Runtime's error message, preceded by the missing operator if that is the cause. */
function explainLoadFailure({ graph }: ModelProto, message: string): string {
  const operator =
    /No Op registered for (\S+)/.exec(message)?.[1] ??
    /Could not find an implementation for (\w+)/.exec(message)?.[1] ??
    /([^\s(]+)(?:\(-?\d+\))? is not a registered function\/op/.exec(message)?.[1]
  const foreign = /No opset import for domain '([^']*)'/.exec(message)?.[1]
  const fullName = ({ opType, domain }: NodeProto) => (domain === '' ? opType : `${domain}:${opType}`)
  const lacking = graph!.node.find(
    (node) => node.domain === foreign || node.opType === operator || fullName(node) === operator,
  )
  if (!lacking) return `ONNX Runtime cannot load the model: ${message}`
  return `ONNX Runtime does not support the operator ${show(fullName(lacking))} of node ${show(lacking.name)}: ${message}`
}

function unsupported(message: string, cause?: unknown): SoftmarginError {
  return new SoftmarginError('MODEL_UNSUPPORTED', message, { argument: 'model', cause })
}

/** ONNX Runtime throws Error objects, or plain numbers when it runs out of memory. */
export function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}

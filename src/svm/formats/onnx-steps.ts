// Writes and reads the preprocessing steps in front of an SVMClassifier in an ONNX graph.

import { SoftmarginError, show } from '../../core/errors.ts'
import type { Steps } from '../../onnx/classifier/graph-steps.ts'
import { producers, requiredInputs } from '../../onnx/graph/graph.ts'
import {
  TensorProto_DataType as DataType,
  type GraphProto,
  type NodeProto,
  type TensorProto,
} from '../../onnx/proto/onnx.ts'
import type { InputStep } from '../model/input-step.ts'

const norms = { L1: 'l1', L2: 'l2', MAX: 'max' } as const

/**
 * Adds the steps to a graph.
 *
 * @returns the name of the tensor that holds the rows after them
 */
export function writeInputSteps(steps: Steps, input: string, inputSteps: readonly InputStep[]): string {
  let rows = input
  for (const [i, step] of inputSteps.entries()) {
    rows =
      step.kind === 'scaler'
        ? steps.step(`step-${i}`, 'ai.onnx.ml:Scaler', [rows], { offset: step.offset, scale: step.scale })
        : steps.step(`step-${i}`, 'ai.onnx.ml:Normalizer', [rows], { norm: step.norm.toUpperCase() })
  }
  return rows
}

/**
 * Reads the operators between a graph's input and a tensor: scalers and normalizers, or arithmetic with constants,
 * which is how skl2onnx writes some scalers.
 *
 * @param columns number of columns of the rows
 * @throws {SoftmarginError} `MODEL_UNSUPPORTED` for other operators, `MODEL_UNREADABLE` for invalid ones
 */
export function readInputSteps(graph: GraphProto, tensor: string, columns: number): InputStep[] {
  const made = producers(graph)
  const inputs = new Set(requiredInputs(graph).map(({ name }) => name))
  const weights = new Map(graph.initializer.map((weight) => [weight.name, weight]))
  const steps: InputStep[] = []
  for (let name = tensor; !inputs.has(name); ) {
    const node = made.get(name)
    if (node === undefined) throw unreadable(`no node computes ${show(name)}`)
    let [source] = node.input
    const place = node.domain === 'ai.onnx.ml' ? 'ml.' : ''
    switch (place + node.opType) {
      case 'Identity':
        break
      case 'Cast': {
        const to = Number(node.attribute.find((each) => each.name === 'to')?.i ?? 0n)
        if (to !== DataType.FLOAT && to !== DataType.DOUBLE) {
          throw unsupported(`its rows are cast to type ${to} before the SVMClassifier`)
        }
        break
      }
      case 'ml.Scaler':
        steps.unshift(readScaler(node, columns))
        break
      case 'ml.Normalizer':
        steps.unshift(readNormalizer(node))
        break
      case 'Add':
      case 'Sub':
      case 'Mul':
      case 'Div': {
        const [left, right] = node.input
        const commutes = node.opType === 'Add' || node.opType === 'Mul'
        const constant = commutes && weights.has(left) ? left : right
        if (constant === left) source = right
        steps.unshift(arithmetic(node.opType, constantOf(weights.get(constant), columns)))
        break
      }
      default:
        throw unsupported(`the operator ${show(node.opType)} precedes its SVMClassifier`)
    }
    if (source === undefined) throw unreadable(`its ${node.opType} has no input`)
    name = source
  }
  return steps
}

function readScaler(node: NodeProto, columns: number): InputStep {
  const list = (name: 'offset' | 'scale') => {
    const floats = node.attribute.find((each) => each.name === name)?.floats ?? []
    return stretched(floats, columns, `${name} of its Scaler`)
  }
  return { kind: 'scaler', offset: list('offset'), scale: list('scale') }
}

function readNormalizer(node: NodeProto): InputStep {
  const bytes = node.attribute.find((each) => each.name === 'norm')?.s
  const name = bytes === undefined ? 'MAX' : String.fromCharCode(...bytes.subarray(0, 20))
  if (!Object.hasOwn(norms, name)) throw unreadable(`the norm of its Normalizer is ${show(name)}`)
  return { kind: 'normalizer', norm: norms[name as keyof typeof norms] }
}

function arithmetic(op: string, constant: Float32Array): InputStep {
  const zeros = new Float32Array(constant.length)
  const ones = zeros.map(() => 1)
  switch (op) {
    case 'Add':
      return { kind: 'scaler', offset: constant.map((value) => -value), scale: ones }
    case 'Sub':
      return { kind: 'scaler', offset: constant, scale: ones }
    case 'Mul':
      return { kind: 'scaler', offset: zeros, scale: constant }
    default:
      return {
        kind: 'scaler',
        offset: zeros,
        scale: finite(
          constant.map((value) => 1 / value),
          'a divisor',
        ),
      }
  }
}

/** Returns the values of a float or double constant, one per column. */
function constantOf(weight: TensorProto | undefined, columns: number): Float32Array {
  if (weight === undefined) throw unsupported('its rows are computed from several tensors')
  const { rawData, floatData, doubleData, dataType } = weight
  if (dataType !== DataType.FLOAT && dataType !== DataType.DOUBLE) {
    throw unsupported(`its constant ${show(weight.name)} has type ${dataType} instead of float or double`)
  }
  let values: ArrayLike<number> = dataType === DataType.FLOAT ? floatData : doubleData
  if (rawData.length > 0) {
    const size = dataType === DataType.FLOAT ? 4 : 8
    if (rawData.length !== size && rawData.length !== size * columns) {
      throw unreadable(`its constant ${show(weight.name)} has ${rawData.length} bytes`)
    }
    const { buffer } = rawData.slice()
    values = size === 4 ? new Float32Array(buffer) : new Float64Array(buffer)
  }
  return stretched(values, columns, `its constant ${show(weight.name)}`)
}

/** Returns one value per column, repeating a single value. */
function stretched(values: ArrayLike<number>, columns: number, name: string): Float32Array {
  if (values.length === 1) return finite(new Float32Array(columns).fill(values[0]), name)
  if (values.length === columns) return finite(Float32Array.from(values), name)
  throw unreadable(`${name} has ${values.length} numbers for ${columns} columns`)
}

function finite(values: Float32Array, name: string): Float32Array {
  const at = values.findIndex((value) => !Number.isFinite(value))
  if (at >= 0) throw unreadable(`${name} is ${values[at]} in column ${at}`)
  return values
}

function unreadable(why: string): SoftmarginError {
  return new SoftmarginError('MODEL_UNREADABLE', `the model cannot be read: ${why}`, { argument: 'bytes' })
}

function unsupported(why: string): SoftmarginError {
  return new SoftmarginError('MODEL_UNSUPPORTED', `the model cannot become an SVC: ${why}`, {
    argument: 'bytes',
    expected: 'an SVMClassifier preceded only by scalers and normalizers',
  })
}

import { SoftmarginError, show } from '../../core/errors.ts'
import { TensorProto_DataType as DataType, type GraphProto } from '../proto/onnx.ts'
import { ownPrefix } from './names.ts'

/** The numbers of a saved known score, which are untrusted. */
export class KnownTensors {
  readonly #graph: GraphProto

  constructor(graph: GraphProto) {
    this.#graph = graph
  }

  /** Whether the file has a tensor. @param name without the prefix of this program's tensors */
  has(name: string): boolean {
    return this.#find(name) !== undefined
  }

  /** The number of bytes of a tensor, 0 if there is none. */
  bytes(name: string): number {
    return this.#find(name)?.rawData.byteLength ?? 0
  }

  /** @throws {SoftmarginError} `MODEL_UNREADABLE` for another type or length, or values that are not finite */
  floats(name: string, length: number): Float32Array {
    return finite(name, new Float32Array(this.#read(name, DataType.FLOAT, 4 * length)))
  }

  /** @throws {SoftmarginError} `MODEL_UNREADABLE` as `floats` */
  doubles(name: string, length: number): Float64Array {
    return finite(name, new Float64Array(this.#read(name, DataType.DOUBLE, 8 * length)))
  }

  /** @throws {SoftmarginError} `MODEL_UNREADABLE` as `floats`, and for a number that is not positive */
  positive(name: string): number {
    const [value] = this.floats(name, 1)
    if (value > 0) return value
    throw unreadable(`its ${name} is ${show(value)} instead of a positive number`)
  }

  #find(name: string) {
    return this.#graph.initializer.find((tensor) => tensor.name === ownPrefix + name)
  }

  #read(name: string, dataType: DataType, length: number): ArrayBuffer {
    const tensor = this.#find(name)
    if (tensor?.dataType === dataType && tensor.rawData.byteLength === length) {
      return tensor.rawData.slice().buffer
    }
    throw unreadable(`its ${name} has not the ${length} bytes that it should have`)
  }
}

function finite<Values extends Float32Array | Float64Array>(name: string, values: Values): Values {
  const at = values.findIndex((value) => !Number.isFinite(value))
  if (at >= 0) throw unreadable(`its ${name}[${at}] is ${show(values[at])}`)
  return values
}

function unreadable(why: string): SoftmarginError {
  return new SoftmarginError('MODEL_UNREADABLE', `the saved classifier's known score cannot be read: ${why}`)
}

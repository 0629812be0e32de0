import type { ModelProto } from '../onnx/proto/onnx.ts'

/** An output tensor of a network. */
export interface Activation {
  data: Float32Array
  /** Batch first. */
  dims: readonly number[]
}

/** Input tensors by name. */
export type Feeds = Readonly<Record<string, Activation>>

/** A tensor in the memory of a device. */
export interface ResidentTensor {
  readonly dims: readonly number[]
  /** Reads its numbers, after which it lies in the memory of WebAssembly. */
  read(): Promise<Float32Array>
  dispose(): void
}

/** A graph whose results stay in the memory of a device; see `ResidentGraph`. */
export interface RunningResidentGraph {
  run(feeds: Readonly<Record<string, Activation | ResidentTensor>>): Promise<Map<string, ResidentTensor>>
  release(): Promise<void>
}

/** Where a network runs. */
export type Device = 'wasm' | 'webgpu'

/** Options of a network in ONNX Runtime. */
export interface SessionOptions {
  /** Default `'wasm'`. */
  device?: Device | undefined
  /**
   * Called when the GPU is lost and the network continues on WebAssembly. Default: a warning on the console.
   */
  onWarning?: ((message: string) => void) | undefined
}

/** A network that is ready to run. */
export interface RunningNetwork {
  readonly device: Device
  /** @returns the model's outputs by name */
  run(input: string, batch: Float32Array, dims: number[]): Promise<Map<string, Activation>>
  /** As `run`, for a model with several inputs: the tensors by the names of their inputs. */
  runAll(feeds: Feeds): Promise<Map<string, Activation>>
  /** Frees the network's memory after the runs in progress. */
  release(): Promise<void>
}

/** A runtime that supports all operators. */
export interface OnnxRuntime {
  /** Starts a network. */
  start(model: ModelProto, options: SessionOptions): Promise<RunningNetwork>
  /** Starts a graph whose results stay on the device, except those of the names in `read`. */
  startResident(model: ModelProto, device: Device, read: readonly string[]): Promise<RunningResidentGraph>
}

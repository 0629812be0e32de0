import type { ModelProto } from '../onnx/proto/onnx.ts'

/** An output tensor of a network. */
export interface Activation {
  data: Float32Array
  /** Batch first. */
  dims: readonly number[]
}

/** Input tensors by name. */
export type Feeds = Readonly<Record<string, Activation>>

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

/** Starts a network in a runtime that supports all operators. */
export type StartNetwork = (model: ModelProto, options: SessionOptions) => Promise<RunningNetwork>

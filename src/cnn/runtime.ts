import { SoftmarginError } from '../core/errors.ts'
import type { ExecutionProvider, OrtModule } from './custom-runtime.ts'
import { NotForEngine } from './engine/lowering/not-for-engine.ts'
import type { SharedNetwork } from './network-copy.ts'
import type { Device, OnnxRuntime, RunningNetwork, SessionOptions } from './running-network.ts'

/**
 * The runtime that runs a network: `'engine'`, softmargin's own engine for the operators of common image
 * CNNs; `'onnxruntime'`, onnxruntime-web, which supports all operators; `'auto'`, the engine if it
 * supports the whole network; or a module that the caller supplies.
 */
export type Runtime = 'auto' | 'engine' | 'onnxruntime' | OrtModule

/** The default runtime. */
export const defaultRuntime: Runtime = 'auto'

/** Which runtime runs a network, and why. */
export interface RuntimeInfo {
  /** `'given'`: the module that was passed as the option `runtime`. */
  name: 'engine' | 'onnxruntime' | 'given'
  /** Explanation in plain text. */
  reason: string
  /** The package of a given module: `'onnxruntime-node'`, ..., or `'unnamed'` if it does not tell. */
  module?: string | undefined
  /** The names of the execution providers that were chosen for a given module. */
  executionProviders?: string[] | undefined
}

/** Where a network currently runs; `'given'`: wherever the module that was passed as `runtime` runs it. */
export type RunningDevice = Device | 'given'

/** How a network is run. */
export interface RunningOptions extends SessionOptions {
  runtime?: Runtime | undefined
  /** A module as `runtime` gets the number as `intraOpNumThreads`; otherwise see `threadsFor`. */
  threads?: number | undefined
  /** Only with a module as `runtime`. */
  executionProviders?: readonly ExecutionProvider[] | undefined
}

/** A network that is ready to run, in any runtime. */
export interface Network extends Omit<RunningNetwork, 'device' | 'runAll'> {
  readonly device: RunningDevice
  readonly runtime: RuntimeInfo
  /**
   * Prepares the network to run in other threads as well.
   *
   * @param count how many threads are wanted
   * @returns what they need; for fewer of them if there is not memory for all. Absent if the network cannot run
   *   elsewhere: on a GPU, or in a module that the caller supplies
   */
  share?(count: number): Promise<SharedNetwork>
}

let supplied: OnnxRuntime | undefined

/** Supplies ONNX Runtime; see `addOnnxRuntime`. */
export function useOnnxRuntime(runtime: OnnxRuntime): void {
  supplied = runtime
}

/** ONNX Runtime; `undefined` if there is none. */
export function onnxRuntime(): OnnxRuntime | undefined {
  return supplied
}

/** Whether there is ONNX Runtime; `softmargin/lite` does without. */
export function hasOnnxRuntime(): boolean {
  return supplied !== undefined
}

/** @throws {SoftmarginError} `INVALID_ARGUMENT` */
export async function checkRuntime(
  runtime: unknown,
  device: string,
  executionProviders?: unknown,
): Promise<void> {
  const isOwn = runtime === 'auto' || runtime === 'onnxruntime' || (runtime === 'engine' && device === 'wasm')
  if (isOwn && executionProviders === undefined) return
  // What else is valid are modules of the caller, which are rare.
  const { checkGivenRuntime } = await import('./custom-runtime.ts')
  checkGivenRuntime(runtime, device, executionProviders)
}

/**
 * Why the engine cannot run a network that ONNX Runtime may run; `undefined` for errors that both would have.
 */
export function whyNotEngine(error: unknown): string | undefined {
  if (error instanceof NotForEngine) return error.message
  const codes = ['OUT_OF_MEMORY', 'HOST_UNSUPPORTED', 'FILE_UNREADABLE']
  return error instanceof SoftmarginError && codes.includes(error.code) ? error.message : undefined
}

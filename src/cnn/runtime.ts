import type { ModelProto } from 'onnx-buf'
import { invalidArgument, SoftmarginError } from '../core/errors.ts'
import { NotForEngine } from './engine/lowering/not-for-engine.ts'
import { EngineNetwork } from './engine/network.ts'
import type { ImageTensorInput } from './image-tensor-input.ts'
import type { RunningNetwork, SessionOptions, StartNetwork } from './running-network.ts'

/**
 * The runtime that runs a network: `'engine'`, softmargin's own engine for the operators of common image
 * CNNs; `'onnxruntime'`, onnxruntime-web, which supports all operators; or `'auto'`, the engine if it
 * supports the whole network.
 */
export type Runtime = 'auto' | 'engine' | 'onnxruntime'

/** The default runtime. */
export const defaultRuntime: Runtime = 'auto'

/** Which runtime runs a network, and why. */
export interface RuntimeInfo {
  name: 'engine' | 'onnxruntime'
  /** Explanation in plain text. */
  reason: string
}

/** How a network is run. */
export interface RunningOptions extends SessionOptions {
  runtime?: Runtime | undefined
}

/** A network that is ready to run, in either runtime. */
export interface Network extends RunningNetwork {
  readonly runtime: RuntimeInfo
}

let startSession: StartNetwork | undefined

/** Supplies ONNX Runtime; see `addOnnxRuntime`. */
export function useOnnxRuntime(start: StartNetwork): void {
  startSession = start
}

/** Whether there is ONNX Runtime; `softmargin/lite` does without. */
export function hasOnnxRuntime(): boolean {
  return startSession !== undefined
}

/** @throws {SoftmarginError} `INVALID_ARGUMENT` */
export function checkRuntime(runtime: unknown, device: string): void {
  if (!['auto', 'engine', 'onnxruntime'].includes(runtime as string)) {
    throw invalidArgument('runtime', runtime, "'auto', 'engine' or 'onnxruntime'")
  }
  if (runtime === 'engine' && device !== 'wasm') {
    throw invalidArgument('runtime', runtime, `'auto' or 'onnxruntime' with device '${device}'`)
  }
}

/**
 * Starts a network in the appropriate runtime.
 *
 * @param model model with float32 input and outputs, as returned by `cutAt`
 * @param dims dimensions of the images: batch, channels, height, width
 * @throws {SoftmarginError} the errors of `Session.create`; `MODEL_UNSUPPORTED` with the reason if the engine
 *   was requested and cannot run the network; `MODEL_UNREADABLE` for weights that do not match their shapes;
 *   `OUT_OF_MEMORY`
 */
export async function startNetwork(
  model: ModelProto,
  port: ImageTensorInput,
  dims: readonly number[],
  options: RunningOptions,
): Promise<Network> {
  const { runtime = defaultRuntime, device = 'wasm', ...rest } = options
  if (runtime === 'onnxruntime') return inOnnxRuntime(model, { ...rest, device }, 'it was asked for')
  if (device !== 'wasm') return inOnnxRuntime(model, { ...rest, device }, 'it runs on the GPU')
  try {
    const source = { model, input: port.name, batch: port.batch }
    return inEngine(await EngineNetwork.create(source, dims))
  } catch (error) {
    const why = whyNotEngine(error)
    if (why === undefined) throw error
    if (runtime === 'auto') return inOnnxRuntime(model, { ...rest, device }, why)
    if (!(error instanceof NotForEngine)) throw error
    const message = `the network cannot run in the engine: ${why}`
    const details = {
      argument: 'runtime',
      received: runtime,
      expected: "'auto' or 'onnxruntime'",
      cause: error,
    }
    throw new SoftmarginError('MODEL_UNSUPPORTED', message, details)
  }
}

/**
 * Why the engine cannot run a network that ONNX Runtime may run; `undefined` for errors that both would have.
 */
function whyNotEngine(error: unknown): string | undefined {
  if (error instanceof NotForEngine) return error.message
  const codes = ['OUT_OF_MEMORY', 'HOST_UNSUPPORTED', 'FILE_UNREADABLE']
  return error instanceof SoftmarginError && codes.includes(error.code) ? error.message : undefined
}

function inEngine(network: EngineNetwork): Network {
  return {
    device: 'wasm',
    runtime: { name: 'engine', reason: 'it knows every operator of the network' },
    run: (_, batch, dims) => network.run(batch, dims),
    release: async () => network.release(),
  }
}

async function inOnnxRuntime(model: ModelProto, options: SessionOptions, reason: string): Promise<Network> {
  if (!startSession) {
    const message = `softmargin/lite has no onnxruntime-web, which the network needs, since ${reason}: import softmargin`
    const expected = "a network for softmargin's own engine, on WebAssembly"
    throw new SoftmarginError('MODEL_UNSUPPORTED', message, { argument: 'model', expected })
  }
  const session = await startSession(model, options)
  return {
    get device() {
      return session.device
    },
    runtime: { name: 'onnxruntime', reason },
    run: (input, batch, dims) => session.run(input, batch, dims),
    release: () => session.release(),
  }
}

import { invalidArgument, SoftmarginError } from '../core/errors.ts'
import { mayShareMemory } from '../host/threads.ts'
import type { ModelProto } from '../onnx/proto/onnx.ts'
import {
  checkModule,
  checkProviders,
  type ExecutionProvider,
  type GivenOptions,
  type OrtModule,
  packageOf,
} from './custom-runtime.ts'
import { NotForEngine } from './engine/lowering/not-for-engine.ts'
import { EngineNetwork } from './engine/network.ts'
import type { ImageTensorInput } from './image-tensor-input.ts'
import type { NetworkCopy, SharedNetwork } from './network-copy.ts'
import type {
  Activation,
  Device,
  Feeds,
  RunningNetwork,
  SessionOptions,
  StartNetwork,
} from './running-network.ts'

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
export function checkRuntime(runtime: unknown, device: string, executionProviders?: unknown): void {
  if (executionProviders !== undefined) checkProviders(executionProviders)
  if (typeof runtime === 'object' && runtime !== null) {
    checkModule(runtime)
    if (device === 'wasm') return
    const message = `device cannot be '${device}' if runtime is a module; use executionProviders instead`
    throw invalidArgument('device', device, "'wasm' if runtime is a module", message)
  }
  if (!['auto', 'engine', 'onnxruntime'].includes(runtime as string)) {
    throw invalidArgument(
      'runtime',
      runtime,
      "'auto', 'engine', 'onnxruntime' or a module such as onnxruntime-node",
    )
  }
  if (runtime === 'engine' && device !== 'wasm') {
    throw invalidArgument('runtime', runtime, `'auto' or 'onnxruntime' with device '${device}'`)
  }
  if (executionProviders === undefined) return
  const message = 'executionProviders needs a module as runtime, such as onnxruntime-node; use device instead'
  throw invalidArgument(
    'executionProviders',
    executionProviders,
    'omitted unless runtime is a module',
    message,
  )
}

/**
 * Starts a network in the appropriate runtime.
 *
 * @param model model with float32 input and outputs, as returned by `cutAt`
 * @param port the model's only input
 * @param dims dimensions of the images: batch, channels, height, width
 * @throws {SoftmarginError} the errors of `Session.create`; `MODEL_UNSUPPORTED` with the reason if the engine
 *   was requested and cannot run the network; `MODEL_UNREADABLE` for weights that do not match their shapes;
 *   `OUT_OF_MEMORY`
 */
export async function startNetwork(
  model: ModelProto,
  port: Pick<ImageTensorInput, 'name' | 'batch'>,
  dims: readonly number[],
  options: RunningOptions,
): Promise<Network> {
  const { runtime = defaultRuntime, device = 'wasm', threads, executionProviders, ...rest } = options
  if (typeof runtime === 'object') {
    return inGiven(checkModule(runtime), model, { threads, executionProviders })
  }
  if (runtime === 'onnxruntime') return inOnnxRuntime(model, { ...rest, device }, 'it was asked for')
  if (device !== 'wasm') return inOnnxRuntime(model, { ...rest, device }, 'it runs on the GPU')
  try {
    const source = { model, input: port.name, batch: port.batch }
    return inEngine(await EngineNetwork.create(source, dims), model)
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
export function whyNotEngine(error: unknown): string | undefined {
  if (error instanceof NotForEngine) return error.message
  const codes = ['OUT_OF_MEMORY', 'HOST_UNSUPPORTED', 'FILE_UNREADABLE']
  return error instanceof SoftmarginError && codes.includes(error.code) ? error.message : undefined
}

/**
 * Starts a copy of a network that runs in another thread.
 *
 * @throws as `startNetwork`
 */
export async function startCopy(
  copy: NetworkCopy,
  port: ImageTensorInput,
  dims: readonly number[],
): Promise<Network> {
  const { joinModel } = await import('./network-copy.ts')
  const model = joinModel(copy)
  if (copy.runtime === 'onnxruntime') return inOnnxRuntime(model, {}, 'another thread runs it there')
  const source = { model, input: port.name, batch: port.batch }
  return inEngine(await EngineNetwork.create(source, dims, { place: copy.place }), model)
}

/** A graph of any operators that is ready to run. */
export interface RunningGraph {
  /** @returns the outputs by name */
  run(feeds: Feeds): Promise<Map<string, Activation>>
  release(): Promise<void>
}

/**
 * Starts a graph that is no network of pictures, such as the step of a training: in the module that the caller
 * supplied, or in onnxruntime-web.
 *
 * @throws {SoftmarginError} the errors of `Session.create`; `MODEL_UNSUPPORTED` if there is no onnxruntime-web
 */
export async function startGraph(model: ModelProto, options: RunningOptions): Promise<RunningGraph> {
  const { runtime, device = 'wasm', threads, executionProviders, onWarning } = options
  const session =
    typeof runtime === 'object'
      ? await givenSession(checkModule(runtime), model, { threads, executionProviders })
      : await sessionOf(model, { device, onWarning }, 'the engine cannot train it')
  return { run: (feeds) => session.runAll(feeds), release: () => session.release() }
}

function inEngine(network: EngineNetwork, model: ModelProto): Network {
  return {
    device: 'wasm',
    runtime: { name: 'engine', reason: 'it supports every operator of the network' },
    run: (_, batch, dims) => network.run(batch, dims),
    share: async (count) => {
      const { splitModel } = await import('./network-copy.ts')
      const places = mayShareMemory()
        ? await network.share(count)
        : new Array<undefined>(count).fill(undefined)
      return { places, parts: () => ({ runtime: 'engine', ...splitModel(model) }) }
    },
    release: async () => network.release(),
  }
}

function sessionOf(model: ModelProto, options: SessionOptions, reason: string): Promise<RunningNetwork> {
  if (!startSession) {
    const message = `the network needs onnxruntime-web, since ${reason}, but softmargin/lite does not have it; import softmargin instead`
    const expected = "a network for softmargin's own engine, on WebAssembly"
    throw new SoftmarginError('MODEL_UNSUPPORTED', message, { argument: 'model', expected })
  }
  return startSession(model, options)
}

async function inOnnxRuntime(model: ModelProto, options: SessionOptions, reason: string): Promise<Network> {
  const start = () => sessionOf(model, options, reason)
  const [{ shareSession }, { splitModel }] = await Promise.all([
    import('./shared-sessions.ts'),
    import('./network-copy.ts'),
  ])
  // A session on the GPU may leave it by itself.
  const session = options.device === 'webgpu' ? await start() : await shareSession(model, start)
  return {
    get device() {
      return session.device
    },
    runtime: { name: 'onnxruntime', reason },
    run: (input, batch, dims) => session.run(input, batch, dims),
    ...(session.device === 'wasm' && {
      share: async (count: number) => ({
        places: new Array<undefined>(count).fill(undefined),
        parts: () => ({ runtime: 'onnxruntime', ...splitModel(model) }),
      }),
    }),
    release: () => session.release(),
  }
}

async function inGiven(module: OrtModule, model: ModelProto, options: GivenOptions): Promise<Network> {
  const session = await givenSession(module, model, options)
  const { name, version } = packageOf(module)
  const providers = options.executionProviders?.map((one) => (typeof one === 'string' ? one : one.name))
  return {
    device: 'given',
    runtime: {
      name: 'given',
      reason: `${name}${version === undefined ? '' : ` ${version}`} was given`,
      module: name,
      ...(providers && { executionProviders: providers }),
    },
    run: (input, batch, dims) => session.run(input, batch, dims),
    release: () => session.release(),
  }
}

async function givenSession(module: OrtModule, model: ModelProto, options: GivenOptions) {
  const { GivenSession } = await import('./given-session.ts')
  return GivenSession.create(module, model, options)
}

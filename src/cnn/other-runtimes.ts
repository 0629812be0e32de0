// Networks and graphs outside softmargin's own engine: in onnxruntime-web, or in a module that the caller supplied. Loaded
// with the first of these.

import { SoftmarginError } from '../core/errors.ts'
import type { ModelProto } from '../onnx/proto/onnx.ts'
import { checkModule, type GivenOptions, type OrtModule, packageOf } from './custom-runtime.ts'
import { GivenSession } from './given-session.ts'
import { splitModel } from './network-copy.ts'
import type {
  Activation,
  Device,
  Feeds,
  OnnxRuntime,
  RunningResidentGraph,
  SessionOptions,
} from './running-network.ts'
import { type Network, onnxRuntime, type RunningOptions } from './runtime.ts'
import { shareSession } from './shared-sessions.ts'

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
      ? await GivenSession.create(checkModule(runtime), model, { threads, executionProviders })
      : await suppliedRuntime('the engine cannot train it').start(model, { device, onWarning })
  return { run: (feeds) => session.runAll(feeds), release: () => session.release() }
}

/**
 * Starts a graph in onnxruntime-web whose results stay on the device.
 *
 * @param read names of the outputs that are read after each run
 * @throws {SoftmarginError} as `startGraph`
 */
export function startResidentGraph(
  model: ModelProto,
  device: Device,
  read: readonly string[],
): Promise<RunningResidentGraph> {
  return suppliedRuntime(`device is '${device}'`).startResident(model, device, read)
}

function suppliedRuntime(reason: string): OnnxRuntime {
  const runtime = onnxRuntime()
  if (!runtime) {
    const message = `the network needs onnxruntime-web, since ${reason}, but softmargin/lite does not have it; import softmargin instead`
    const expected = "a network for softmargin's own engine, on WebAssembly"
    throw new SoftmarginError('MODEL_UNSUPPORTED', message, { argument: 'model', expected })
  }
  return runtime
}

/** Starts a network in onnxruntime-web. @param reason why it runs there, as `RuntimeInfo` tells */
export async function inOnnxRuntime(
  model: ModelProto,
  options: SessionOptions,
  reason: string,
): Promise<Network> {
  const start = () => suppliedRuntime(reason).start(model, options)
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

/** Starts a network in a module that the caller supplied. */
export async function inGiven(given: OrtModule, model: ModelProto, options: GivenOptions): Promise<Network> {
  const module = checkModule(given)
  const session = await GivenSession.create(module, model, options)
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

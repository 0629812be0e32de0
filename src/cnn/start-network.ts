import { SoftmarginError } from '../core/errors.ts'
import { mayShareMemory } from '../host/threads.ts'
import type { ModelProto } from '../onnx/proto/onnx.ts'
import { NotForEngine } from './engine/lowering/not-for-engine.ts'
import { EngineNetwork } from './engine/network.ts'
import type { ImageTensorInput } from './image-tensor-input.ts'
import type { NetworkCopy } from './network-copy.ts'
import { defaultRuntime, type Network, type RunningOptions, whyNotEngine } from './runtime.ts'

/**
 * Starts a network in the appropriate runtime.
 *
 * @param model model with float32 input and outputs, as `withFloat32Io` returns it
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
    const { inGiven } = await import('./other-runtimes.ts')
    return inGiven(runtime, model, { threads, executionProviders })
  }
  const elsewhere = async (reason: string) => {
    const { inOnnxRuntime } = await import('./other-runtimes.ts')
    return inOnnxRuntime(model, { ...rest, device }, reason)
  }
  if (runtime === 'onnxruntime') return elsewhere('it was asked for')
  if (device !== 'wasm') return elsewhere('it runs on the GPU')
  try {
    const source = { model, input: port.name, batch: port.batch }
    return inEngine(await EngineNetwork.create(source, dims), model)
  } catch (error) {
    const why = whyNotEngine(error)
    if (why === undefined) throw error
    if (runtime === 'auto') return elsewhere(why)
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
  if (copy.runtime === 'onnxruntime') {
    const { inOnnxRuntime } = await import('./other-runtimes.ts')
    return inOnnxRuntime(model, {}, 'another thread runs it there')
  }
  const source = { model, input: port.name, batch: port.batch }
  return inEngine(await EngineNetwork.create(source, dims, { place: copy.place }), model)
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

import type { InferenceSession } from 'onnxruntime-web'
import { SoftmarginError } from '../core/errors.ts'
import { hasGpu, type OrtBuild, ortBuild, withCustomRuntime } from '../host/modules/ort-build.ts'
import { importUnbundled } from '../host/platform/builtins.ts'
import { fetchedFault } from '../host/storage/wasm-bytes.ts'
import { detachWeights } from '../onnx/edit/detach-weights.ts'
import type { ModelProto } from '../onnx/proto/onnx.ts'
import type { Activation, Device, Feeds, RunningNetwork, SessionOptions } from './running-network.ts'
import { activationsOf, loadError, reason, runError } from './session-results.ts'

type Ort = typeof import('onnxruntime-web')

const runtimes = new Map<OrtBuild, Promise<Ort>>()
/** Serializes all calls into ONNX Runtime: concurrent runs fail on some devices. */
let last: Promise<unknown> = Promise.resolve()
/** Why the GPU can no longer be used: ONNX Runtime does not recover from a lost device. */
let gpuLost: string | undefined
/** Number of sessions on the GPU. */
let gpuSessions = 0

/** A network in ONNX Runtime, on WebAssembly or the GPU. */
export class Session implements RunningNetwork {
  readonly #model: ModelProto
  readonly #options: SessionOptions
  #device: Device
  #session: InferenceSession | undefined

  private constructor(model: ModelProto, options: SessionOptions, session: InferenceSession) {
    this.#model = model
    this.#options = options
    this.#device = options.device ?? 'wasm'
    this.#session = session
  }

  /**
   * @param model its weights are copied only into ONNX Runtime's memory
   * @throws {SoftmarginError} `MODEL_UNSUPPORTED` with ONNX Runtime's reason, naming the node whose operator
   *   is missing; `HOST_UNSUPPORTED` for `'webgpu'` without a GPU
   */
  static async create(model: ModelProto, options: SessionOptions = {}): Promise<Session> {
    const { device = 'wasm' } = options
    if (device === 'webgpu' && (gpuLost !== undefined || !(await hasGpu()))) {
      const why = gpuLost ?? 'this host has no WebGPU adapter'
      const details = { argument: 'device', received: device, expected: `'wasm' or 'auto'` }
      throw new SoftmarginError('HOST_UNSUPPORTED', `device 'webgpu' is not available: ${why}`, details)
    }
    return inTurn(async () => new Session(model, options, await start(model, device)))
  }

  /** Where the network currently runs. */
  get device(): Device {
    return this.#device
  }

  /**
   * Runs a batch. If the GPU fails or is lost, the batch is rerun on WebAssembly, which is then used for all
   * later runs.
   *
   * @param input name of the image input
   * @param batch float32, as long as the product of `dims`
   * @returns the model's outputs by name
   * @throws {SoftmarginError} `MODEL_UNSUPPORTED` if the model fails or returns a type other than float32;
   *   `DISPOSED`
   */
  run(input: string, batch: Float32Array, dims: number[]): Promise<Map<string, Activation>> {
    return this.runAll({ [input]: { data: batch, dims } })
  }

  /** As `run`, for a model with several inputs, by name. */
  runAll(feeds: Feeds): Promise<Map<string, Activation>> {
    return inTurn(async () => {
      if (!this.#session) throw new SoftmarginError('DISPOSED', 'the extractor was used after dispose()')
      if (this.#device === 'webgpu') {
        try {
          if (gpuLost !== undefined) throw new Error(gpuLost)
          const activations = await runOnce(this.#session, this.#device, feeds)
          // A lost device may return zeros instead of an error.
          if (gpuLost !== undefined) throw new Error(gpuLost)
          return activations
        } catch (error) {
          await this.#fallBack(reason(error))
        }
      }
      return runOnce(this.#session, this.#device, feeds)
    })
  }

  async #fallBack(why: string): Promise<void> {
    const { onWarning = console.warn } = this.#options
    onWarning(`softmargin: the GPU failed (${why}); the network continues on WebAssembly`)
    const old = this.#session
    this.#session = await start(this.#model, 'wasm')
    this.#device = 'wasm'
    // Resources of a lost device are already gone, so errors while releasing them are ignored.
    if (old) await stop(old, 'webgpu').catch(() => {})
  }

  /** Frees the network's memory after the runs in progress. */
  release(): Promise<void> {
    return inTurn(async () => {
      const session = this.#session
      this.#session = undefined
      if (session) await stop(session, this.#device)
    })
  }
}

async function start(model: ModelProto, device: Device): Promise<InferenceSession> {
  const { InferenceSession, env } = await loadOrt(device)
  const { bytes, files } = detachWeights(model)
  try {
    const session = await withCustomRuntime(env.wasm, () =>
      InferenceSession.create(bytes, {
        executionProviders: [device],
        externalData: files,
        logSeverityLevel: 3,
      }),
    )
    if (device === 'webgpu') {
      gpuSessions++
      await watchGpu()
    }
    return session
  } catch (cause) {
    const said = reason(cause)
    // The runtime itself failed to start, which is not the model's fault.
    if (/no available backend/i.test(said)) {
      throw (
        (await fetchedFault('onnxruntime.wasm')) ??
        new SoftmarginError('HOST_UNSUPPORTED', `ONNX Runtime cannot be started: ${said}`, { cause })
      )
    }
    throw loadError(model, cause)
  }
}

function stop(session: InferenceSession, device: Device): Promise<void> {
  if (device === 'webgpu' && --gpuSessions === 0 && watched) {
    retired.add(watched)
    watched = undefined
  }
  return session.release()
}

/**
 * The current GPU device, and devices that the runtime released with their last session, whose loss is
 * expected.
 */
let watched: object | undefined
const retired = new WeakSet<object>()

/** Watches for loss of the GPU device, because a session does not report it. */
async function watchGpu(): Promise<void> {
  const { env } = await runtimes.get('webgpu')!
  const device = (await env.webgpu.device) as unknown as { lost: Promise<{ message: string }> } | undefined
  if (!device || device === watched) return
  watched = device
  device.lost.then(({ message }) => {
    if (!retired.has(device)) gpuLost = `the device was lost: ${message || 'no reason given'}`
  })
}

async function runOnce(
  session: InferenceSession,
  device: Device,
  feeds: Feeds,
): Promise<Map<string, Activation>> {
  const { Tensor } = await runtimes.get(ortBuild(device))!
  let results: InferenceSession.ReturnType
  try {
    const tensors = Object.entries(feeds).map(([name, { data, dims }]) => [
      name,
      new Tensor('float32', data, dims),
    ])
    results = await session.run(Object.fromEntries(tensors))
  } catch (cause) {
    throw runError(Object.values(feeds)[0].dims, cause)
  }
  return activationsOf(results)
}

async function loadOrt(device: Device): Promise<Ort> {
  const build = ortBuild(device)
  if (!runtimes.has(build)) runtimes.set(build, importOrt(build))
  const loaded = await runtimes.get(build)!.catch((cause) => {
    runtimes.delete(build)
    throw new SoftmarginError('HOST_UNSUPPORTED', `ONNX Runtime cannot be loaded: ${reason(cause)}`, {
      cause,
    })
  })
  // One thread each gives the same bits everywhere; sessions side by side use the other cores.
  loaded.env.wasm.numThreads = 1
  return loaded
}

async function importOrt(build: OrtBuild): Promise<Ort> {
  // Do not bundle the 28 MB of WebAssembly of the Node.js build into web pages.
  if (build === 'node') return importUnbundled('onnxruntime-web')
  if (build === 'webgpu') return (await import('onnxruntime-web/webgpu')) as Ort
  return (await import('onnxruntime-web/wasm')) as Ort
}

function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const result = last.then(work)
  last = result.catch(() => {})
  return result
}

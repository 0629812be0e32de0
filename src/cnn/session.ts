import type { ModelProto, NodeProto } from 'onnx-buf'
import type { InferenceSession } from 'onnxruntime-web'
import { invalidArgument, SoftmarginError, show } from '../core/errors.ts'
import { hasGpu, type OrtBuild, ortBuild, withCustomRuntime } from '../host/modules/ort-build.ts'
import { importUnbundled } from '../host/platform/builtins.ts'
import { fetchedFault } from '../host/storage/wasm-bytes.ts'
import { possibleThreads } from '../host/threads.ts'
import { detachWeights } from '../onnx/edit/detach-weights.ts'

type Ort = typeof import('onnxruntime-web')

/** What one tensor came out as. */
export interface Activation {
  data: Float32Array
  /** The batch first. */
  dims: readonly number[]
}

/** Where a network runs. */
export type Device = 'wasm' | 'webgpu'

/** How a session is made. */
export interface SessionOptions {
  /**
   * Threads on WebAssembly; more than 1 changes the low bits of results. The first session of a process sets the
   * number for all, since ONNX Runtime starts its threads once. Default 1.
   */
  threads?: number | undefined
  /** Default `'wasm'`. */
  device?: Device | undefined
  /** Called when the GPU is lost and the network goes on on WebAssembly. Default: a warning on the console. */
  onWarning?: ((message: string) => void) | undefined
}

const runtimes = new Map<OrtBuild, Promise<Ort>>()
let threadsInUse: number | undefined
/** ONNX Runtime does one thing at a time: two runs at once break on some devices. */
let last: Promise<unknown> = Promise.resolve()
/** Why the GPU is of no use any more: the runtime does not get over the loss of its device. */
let gpuLost: string | undefined
/** Sessions on the GPU. */
let gpuSessions = 0

/** A network in ONNX Runtime, on WebAssembly or the GPU. */
export class Session {
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
   * @param model its weights are copied into ONNX Runtime's memory, and nowhere else
   * @throws {SoftmarginError} `MODEL_UNSUPPORTED` with the reason that ONNX Runtime gives, naming the node
   *   whose operator it lacks; `INVALID_ARGUMENT` for another number of threads than the first session's;
   *   `HOST_UNSUPPORTED` without a GPU for `'webgpu'`
   */
  static async create(model: ModelProto, options: SessionOptions = {}): Promise<Session> {
    const { threads = 1, device = 'wasm' } = options
    checkThreads(threads)
    if (device === 'webgpu' && (gpuLost !== undefined || !(await hasGpu()))) {
      const why = gpuLost ?? 'this host has no WebGPU adapter'
      const details = { argument: 'device', received: device, expected: `'wasm' or 'auto'` }
      throw new SoftmarginError('HOST_UNSUPPORTED', `device 'webgpu' cannot be had: ${why}`, details)
    }
    threadsInUse = threads
    return inTurn(async () => new Session(model, options, await start(model, device, threads)))
  }

  /** Where it runs now. */
  get device(): Device {
    return this.#device
  }

  /**
   * Runs a batch. If the GPU fails or is lost, the batch is done again on WebAssembly, and so is what follows.
   *
   * @param input the name of the image input
   * @param batch float32 of the length that `dims` tells
   * @returns the model's outputs by name
   * @throws {SoftmarginError} `MODEL_UNSUPPORTED` if the model fails or answers no float32; `DISPOSED`
   */
  run(input: string, batch: Float32Array, dims: number[]): Promise<Map<string, Activation>> {
    return inTurn(async () => {
      if (!this.#session) throw new SoftmarginError('DISPOSED', 'the extractor was used after dispose()')
      if (this.#device === 'webgpu') {
        try {
          if (gpuLost !== undefined) throw new Error(gpuLost)
          const activations = await runOnce(this.#session, this.#device, input, batch, dims)
          // A lost device may answer zeros instead of an error.
          if (gpuLost !== undefined) throw new Error(gpuLost)
          return activations
        } catch (error) {
          await this.#fallBack(reason(error))
        }
      }
      return runOnce(this.#session, this.#device, input, batch, dims)
    })
  }

  async #fallBack(why: string): Promise<void> {
    const { onWarning = console.warn, threads = 1 } = this.#options
    onWarning(`softmargin: the GPU failed (${why}); the network goes on on WebAssembly`)
    const old = this.#session
    this.#session = await start(this.#model, 'wasm', threads)
    this.#device = 'wasm'
    // What a lost device held is gone anyway.
    if (old) await stop(old, 'webgpu').catch(() => {})
  }

  /** Frees the network's memory, after the runs that have begun. */
  release(): Promise<void> {
    return inTurn(async () => {
      const session = this.#session
      this.#session = undefined
      if (session) await stop(session, this.#device)
    })
  }
}

function checkThreads(threads: number): void {
  if (!Number.isSafeInteger(threads) || threads < 1) {
    throw invalidArgument('threads', threads, 'an integer of 1 or more')
  }
  if (threadsInUse === undefined || threads === threadsInUse) return
  const expected = `${threadsInUse}, as the first model of this process was given`
  throw invalidArgument('threads', threads, expected)
}

async function start(model: ModelProto, device: Device, threads: number): Promise<InferenceSession> {
  const { InferenceSession, env } = await loadOrt(device, threads)
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
    // The runtime itself did not start, which is no fault of the model.
    if (/no available backend/i.test(said)) {
      throw (
        (await fetchedFault('onnxruntime.wasm')) ??
        new SoftmarginError('HOST_UNSUPPORTED', `ONNX Runtime does not start: ${said}`, { cause })
      )
    }
    throw unsupported(whyNot(model, said), cause)
  }
}

function stop(session: InferenceSession, device: Device): Promise<void> {
  if (device === 'webgpu' && --gpuSessions === 0 && watched) {
    retired.add(watched)
    watched = undefined
  }
  return session.release()
}

/** The device that is in use, and those that the runtime gave back with its last session, which is no loss. */
let watched: object | undefined
const retired = new WeakSet<object>()

/** Takes note when the device is lost: a session does not tell. */
async function watchGpu(): Promise<void> {
  const { env } = await runtimes.get('webgpu')!
  const device = (await env.webgpu.device) as unknown as { lost: Promise<{ message: string }> } | undefined
  if (!device || device === watched) return
  watched = device
  device.lost.then(({ message }) => {
    if (!retired.has(device)) gpuLost = `the device was lost: ${message || 'no reason is given'}`
  })
}

async function runOnce(
  session: InferenceSession,
  device: Device,
  input: string,
  batch: Float32Array,
  dims: number[],
): Promise<Map<string, Activation>> {
  const { Tensor } = await runtimes.get(ortBuild(device))!
  let results: InferenceSession.ReturnType
  try {
    results = await session.run({ [input]: new Tensor('float32', batch, dims) })
  } catch (cause) {
    throw unsupported(`the model fails on a batch of [${dims.join(', ')}]: ${reason(cause)}`, cause)
  }
  const activations = new Map<string, Activation>()
  for (const [name, tensor] of Object.entries(results)) {
    if (!(tensor.data instanceof Float32Array)) {
      throw unsupported(`layer '${name}' answers ${tensor.type}, not float32`)
    }
    activations.set(name, { data: tensor.data, dims: tensor.dims })
  }
  return activations
}

async function loadOrt(device: Device, threads: number): Promise<Ort> {
  const build = ortBuild(device)
  if (!runtimes.has(build)) runtimes.set(build, importOrt(build))
  const loaded = await runtimes.get(build)!.catch((cause) => {
    runtimes.delete(build)
    throw new SoftmarginError('HOST_UNSUPPORTED', `ONNX Runtime cannot be loaded: ${reason(cause)}`, {
      cause,
    })
  })
  loaded.env.wasm.numThreads = possibleThreads(threads)
  return loaded
}

async function importOrt(build: OrtBuild): Promise<Ort> {
  // Its 28 MB of WebAssembly have no use in pages.
  if (build === 'node') return importUnbundled('onnxruntime-web')
  if (build === 'webgpu') return (await import('onnxruntime-web/webgpu')) as Ort
  return (await import('onnxruntime-web/wasm')) as Ort
}

function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const result = last.then(work)
  last = result.catch(() => {})
  return result
}

/** What ONNX Runtime says of a model, led by the operator that it lacks, where that is the trouble. */
function whyNot({ graph }: ModelProto, said: string): string {
  const operator =
    /No Op registered for (\S+)/.exec(said)?.[1] ??
    /Could not find an implementation for (\w+)/.exec(said)?.[1] ??
    /([^\s(]+)(?:\(-?\d+\))? is not a registered function\/op/.exec(said)?.[1]
  const foreign = /No opset import for domain '([^']*)'/.exec(said)?.[1]
  const fullName = ({ opType, domain }: NodeProto) => (domain === '' ? opType : `${domain}:${opType}`)
  const lacking = graph!.node.find(
    (node) => node.domain === foreign || node.opType === operator || fullName(node) === operator,
  )
  if (!lacking) return `ONNX Runtime does not take the model: ${said}`
  return `ONNX Runtime lacks the operator ${show(fullName(lacking))} of node ${show(lacking.name)}: ${said}`
}

function unsupported(message: string, cause?: unknown): SoftmarginError {
  return new SoftmarginError('MODEL_UNSUPPORTED', message, { argument: 'model', cause })
}

/** ONNX Runtime throws errors, and numbers where its memory ran out. */
function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}

import type { ModelProto, NodeProto } from 'onnx-buf'
import type { InferenceSession } from 'onnxruntime-web'
import { invalidArgument, SoftmarginError, show } from '../errors.ts'
import { ortBuild } from '../host/ort.ts'
import { detachWeights } from '../onnx/detach.ts'

type Ort = typeof import('onnxruntime-web')

/** What one tensor came out as. */
export interface Activation {
  data: Float32Array
  /** The batch first. */
  dims: readonly number[]
}

let ort: Promise<Ort> | undefined
let threadsInUse: number | undefined
/** ONNX Runtime does one thing at a time: two runs at once break on some devices. */
let last: Promise<unknown> = Promise.resolve()

/** A network in ONNX Runtime, on WebAssembly. */
export class Session {
  #session: InferenceSession | undefined

  private constructor(session: InferenceSession) {
    this.#session = session
  }

  /**
   * @param model its weights are copied into ONNX Runtime's memory, and nowhere else
   * @param threads more than 1 changes the low bits of results. The first session of a process sets the number
   *   for all, since ONNX Runtime starts its threads once
   * @throws {SoftmarginError} `MODEL_UNSUPPORTED` with the reason that ONNX Runtime gives, naming the node
   *   whose operator it lacks; `INVALID_ARGUMENT` for another number of threads than the first session's
   */
  static async create(model: ModelProto, threads = 1): Promise<Session> {
    if (!Number.isSafeInteger(threads) || threads < 1) {
      throw invalidArgument('threads', threads, 'an integer of 1 or more')
    }
    if (threadsInUse !== undefined && threads !== threadsInUse) {
      throw invalidArgument(
        'threads',
        threads,
        `${threadsInUse}, as the first model of this process was given`,
      )
    }
    threadsInUse = threads
    return inTurn(async () => {
      const { InferenceSession } = await loadOrt(threads)
      const { bytes, files } = detachWeights(model)
      try {
        const session = await InferenceSession.create(bytes, {
          executionProviders: ['wasm'],
          externalData: files,
          logSeverityLevel: 3,
        })
        return new Session(session)
      } catch (cause) {
        throw unsupported(whyNot(model, reason(cause)), cause)
      }
    })
  }

  /**
   * Runs a batch.
   *
   * @param input the name of the image input
   * @param batch float32 of the length that `dims` tells
   * @returns the model's outputs by name
   * @throws {SoftmarginError} `MODEL_UNSUPPORTED` if the model fails or answers no float32; `DISPOSED`
   */
  run(input: string, batch: Float32Array, dims: number[]): Promise<Map<string, Activation>> {
    return inTurn(async () => {
      const session = this.#session
      if (!session) throw new SoftmarginError('DISPOSED', 'the extractor was used after dispose()')
      const { Tensor } = await ort!
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
    })
  }

  /** Frees the network's memory, after the runs that have begun. */
  release(): Promise<void> {
    return inTurn(async () => {
      const session = this.#session
      this.#session = undefined
      await session?.release()
    })
  }
}

async function loadOrt(threads: number): Promise<Ort> {
  ort ??= importOrt()
  const loaded = await ort.catch((cause) => {
    ort = undefined
    throw new SoftmarginError('HOST_UNSUPPORTED', `ONNX Runtime cannot be loaded: ${reason(cause)}`, {
      cause,
    })
  })
  loaded.env.wasm.numThreads = threads
  return loaded
}

async function importOrt(): Promise<Ort> {
  if (ortBuild() === 'node') return import('onnxruntime-web')
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

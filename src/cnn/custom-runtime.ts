// Networks in a runtime that the caller supplies: onnxruntime-node, onnxruntime-react-native, another build of
// onnxruntime-web.

import { invalidArgument, SoftmarginError } from '../core/errors.ts'
import { detachWeights } from '../onnx/edit/detach-weights.ts'
import { type ModelProto, ModelProtoSchema } from '../onnx/proto/onnx.ts'
import { toBinary } from '../onnx/proto/write-message.ts'
import type { Activation, Feeds } from './running-network.ts'
import { activationsOf, loadError, runError } from './session-results.ts'

/**
 * The part of the API of onnxruntime-common that softmargin calls. The namespace of onnxruntime-node is such a
 * module, and so are onnxruntime-react-native and every build of onnxruntime-web.
 */
export interface OrtModule {
  readonly InferenceSession: {
    create(model: Uint8Array, options?: object): Promise<OrtSession>
  }
  readonly Tensor: new (type: 'float32', data: Float32Array, dims: readonly number[]) => object
  /** Its `versions` tell which package the module is. */
  readonly env?: object | undefined
}

/** A session of an `OrtModule`. */
export interface OrtSession {
  // biome-ignore lint/suspicious/noExplicitAny: the tensors of the module, whose class is not known here
  run(feeds: any): Promise<Readonly<Record<string, any>>>
  release?(): Promise<void>
}

/** Where a given runtime computes: the name of an execution provider, or an object with its name and its options. */
export type ExecutionProvider = string | { readonly name: string }

/** Options of a session in a given runtime. */
export interface GivenOptions {
  /** Passed on as `intraOpNumThreads`. Default: the runtime's own. */
  threads?: number | undefined
  /** Passed on as they are. Default: the runtime's own. */
  executionProviders?: readonly ExecutionProvider[] | undefined
}

/** Larger models are given in parts, since a file of ONNX ends at 2 GB. In parts, not every runtime takes them. */
const mostInOneFile = 2 ** 30

const wanted =
  "a module with onnxruntime-common's API (InferenceSession.create() and Tensor), such as onnxruntime-node"

/**
 * The module itself, or its default export if only that speaks the API.
 *
 * @throws {SoftmarginError} `INVALID_ARGUMENT`, naming what the module lacks
 */
export function checkModule(given: object): OrtModule {
  const lacks = lackOf(given)
  if (lacks === undefined) return given as OrtModule
  const { default: inner } = given as { default?: unknown }
  if (typeof inner === 'object' && inner !== null && lackOf(inner) === undefined) return inner as OrtModule
  const message = `runtime must be ${wanted}, but lacks ${lacks}`
  throw new SoftmarginError('INVALID_ARGUMENT', message, {
    argument: 'runtime',
    received: `a module without ${lacks}`,
    expected: wanted,
  })
}

function lackOf(module: object): string | undefined {
  const { InferenceSession, Tensor } = module as Partial<OrtModule>
  if (typeof InferenceSession?.create !== 'function') return 'InferenceSession.create()'
  return typeof Tensor === 'function' ? undefined : 'Tensor'
}

/** @throws {SoftmarginError} `INVALID_ARGUMENT` */
export function checkProviders(providers: unknown): void {
  const isProvider = (one: unknown) =>
    (typeof one === 'string' && one !== '') ||
    (typeof one === 'object' && one !== null && typeof (one as { name?: unknown }).name === 'string')
  if (Array.isArray(providers) && providers.length > 0 && providers.every(isProvider)) return
  throw invalidArgument(
    'executionProviders',
    providers,
    "an array of at least one name such as 'cuda', or of objects with a name",
  )
}

/** The package that a module comes from, as far as it tells, with its version. */
export function packageOf({ env }: OrtModule): { name: string; version: string | undefined } {
  const { versions = {} } = (env ?? {}) as { versions?: Record<string, string | undefined> }
  // A page or a process may hold several packages that share one onnxruntime-common and its `versions`.
  for (const kind of ['node', 'react-native', 'web']) {
    if (versions[kind] !== undefined) return { name: `onnxruntime-${kind}`, version: versions[kind] }
  }
  return { name: 'unnamed', version: versions.common }
}

/** A network in a runtime that the caller supplied. */
export class GivenSession {
  readonly #module: OrtModule
  readonly #outputs: string[]
  #session: OrtSession | undefined
  /** Runs one batch at a time: the threads of the runtime share one batch, and some builds fail on two. */
  #last: Promise<unknown> = Promise.resolve()

  private constructor(module: OrtModule, session: OrtSession, outputs: string[]) {
    this.#module = module
    this.#outputs = outputs
    this.#session = session
  }

  /**
   * @param module checked by `checkModule`
   * @throws {SoftmarginError} `MODEL_UNSUPPORTED` with the runtime's reason; `INVALID_ARGUMENT` for a session without
   *   `run`
   */
  static async create(module: OrtModule, model: ModelProto, options: GivenOptions): Promise<GivenSession> {
    const { threads, executionProviders } = options
    const weights = model.graph!.initializer.reduce((sum, { rawData }) => sum + rawData.length, 0)
    const { bytes, files } =
      weights <= mostInOneFile
        ? { bytes: toBinary(ModelProtoSchema, model), files: [] }
        : detachWeights(model)
    let session: OrtSession
    try {
      session = await module.InferenceSession.create(bytes, {
        logSeverityLevel: 3,
        ...(executionProviders && { executionProviders: [...executionProviders] }),
        ...(threads !== undefined && { intraOpNumThreads: threads }),
        ...(files.length > 0 && { externalData: files }),
      })
    } catch (cause) {
      throw loadError(model, cause)
    }
    if (typeof session?.run !== 'function') throw lacking('run() of a session')
    const outputs = model.graph!.output.map(({ name }) => name)
    return new GivenSession(module, session, outputs)
  }

  /** As `Session.run`; `INVALID_ARGUMENT` for outputs that the module leaves out. */
  run(input: string, batch: Float32Array, dims: number[]): Promise<Map<string, Activation>> {
    return this.runAll({ [input]: { data: batch, dims } })
  }

  /** As `Session.runAll`. */
  runAll(feeds: Feeds): Promise<Map<string, Activation>> {
    return this.#inTurn(async () => {
      if (!this.#session) throw new SoftmarginError('DISPOSED', 'the extractor was used after dispose()')
      let results: Readonly<Record<string, { data: unknown; type: string; dims: readonly number[] }>>
      try {
        const tensors = Object.entries(feeds).map(([name, { data, dims }]) => [
          name,
          new this.#module.Tensor('float32', data, dims),
        ])
        results = await this.#session.run(Object.fromEntries(tensors))
      } catch (cause) {
        throw runError(Object.values(feeds)[0].dims, cause)
      }
      if (typeof results !== 'object' || results === null) throw lacking('outputs of run()')
      for (const name of this.#outputs) if (!results[name]) throw lacking(`output '${name}' of run()`)
      return activationsOf(results)
    })
  }

  /** Frees the network's memory after the runs in progress. */
  release(): Promise<void> {
    return this.#inTurn(async () => {
      const session = this.#session
      this.#session = undefined
      await session?.release?.()
    })
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work)
    this.#last = result.catch(() => {})
    return result
  }
}

/** The error for a module that turns out not to speak the API only once it is called. */
function lacking(what: string): SoftmarginError {
  const message = `runtime must be ${wanted}, but lacks ${what}`
  return new SoftmarginError('INVALID_ARGUMENT', message, { argument: 'runtime', expected: wanted })
}

import { SoftmarginError } from '../core/errors.ts'
import { detachWeights } from '../onnx/edit/detach-weights.ts'
import { type ModelProto, ModelProtoSchema } from '../onnx/proto/onnx.ts'
import { toBinary } from '../onnx/proto/write-message.ts'
import { type GivenOptions, type OrtModule, type OrtSession, wantedModule } from './custom-runtime.ts'
import type { Activation, Feeds } from './running-network.ts'
import { activationsOf, loadError, runError } from './session-results.ts'

/** Larger models are given in parts, since a file of ONNX ends at 2 GB. In parts, not every runtime takes them. */
const MAX_FILE_BYTES = 2 ** 30

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
      weights <= MAX_FILE_BYTES
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
  const message = `runtime must be ${wantedModule}, but lacks ${what}`
  return new SoftmarginError('INVALID_ARGUMENT', message, { argument: 'runtime', expected: wantedModule })
}

import type { InferenceSession } from 'onnxruntime-web'
import { SoftmarginError } from '../../core/errors.ts'
import type { ModelProto } from '../../onnx/proto/onnx.ts'
import type { Activation, Device, Feeds, RunningNetwork, SessionOptions } from '../running-network.ts'
import { activationsOf, reason, runError } from '../session-results.ts'
import { checkDevice, checkGpu, inTurn, ortFor, start, stop } from './ort-web.ts'

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
    await checkDevice(device)
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
          checkGpu()
          const activations = await runOnce(this.#session, this.#device, feeds)
          // A lost device may return zeros instead of an error.
          checkGpu()
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

async function runOnce(
  session: InferenceSession,
  device: Device,
  feeds: Feeds,
): Promise<Map<string, Activation>> {
  const { Tensor } = await ortFor(device)
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

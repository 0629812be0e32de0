import type { InferenceSession, Tensor } from 'onnxruntime-web'
import { SoftmarginError } from '../../core/errors.ts'
import type { ModelProto } from '../../onnx/proto/onnx.ts'
import { GpuFailure } from '../gpu-failure.ts'
import type { Activation, Device, ResidentTensor } from '../running-network.ts'
import { reason, runError } from '../session-results.ts'
import { checkDevice, checkGpu, inTurn, ortFor, start, stop } from './ort-web.ts'

/** A graph in ONNX Runtime whose results stay in the memory of the device, from which they can be its inputs again. */
export class ResidentGraph {
  readonly #device: Device
  #session: InferenceSession | undefined

  private constructor(device: Device, session: InferenceSession) {
    this.#device = device
    this.#session = session
  }

  /**
   * @param read names of the outputs that are read after each run, and need not stay on the device
   * @throws {SoftmarginError} as `Session.create`
   */
  static async create(model: ModelProto, device: Device, read: readonly string[]): Promise<ResidentGraph> {
    await checkDevice(device)
    const places = model.graph!.output.map(({ name }) => [name, read.includes(name) ? 'cpu' : 'gpu-buffer'])
    const resultsIn = device === 'webgpu' ? Object.fromEntries(places) : undefined
    return inTurn(async () => new ResidentGraph(device, await start(model, device, resultsIn)))
  }

  /**
   * @param feeds tensors by the names of the inputs
   * @returns the outputs by name, which the caller disposes
   * @throws {GpuFailure}
   * @throws {SoftmarginError} `MODEL_UNSUPPORTED` if the graph fails on WebAssembly; `DISPOSED`
   */
  run(feeds: Readonly<Record<string, Activation | ResidentTensor>>): Promise<Map<string, ResidentTensor>> {
    return inTurn(async () => {
      if (!this.#session) throw new SoftmarginError('DISPOSED', 'the graph was used after release()')
      const { Tensor } = await ortFor(this.#device)
      const tensors = Object.entries(feeds).map(([name, one]) => [
        name,
        one instanceof Resident ? one.tensor : new Tensor('float32', (one as Activation).data, one.dims),
      ])
      try {
        if (this.#device === 'webgpu') checkGpu()
        const found = await this.#session.run(Object.fromEntries(tensors))
        return new Map(
          Object.entries(found).map(([name, tensor]) => [name, new Resident(tensor, this.#device)]),
        )
      } catch (cause) {
        if (this.#device === 'webgpu') throw new GpuFailure(reason(cause), { cause })
        throw runError(Object.values(feeds)[0].dims, cause)
      }
    })
  }

  /** Frees the graph's memory after the runs in progress, but not its results. */
  release(): Promise<void> {
    return inTurn(async () => {
      const session = this.#session
      this.#session = undefined
      if (session) await stop(session, this.#device)
    })
  }
}

class Resident implements ResidentTensor {
  readonly tensor: Tensor
  readonly #device: Device

  constructor(tensor: Tensor, device: Device) {
    this.tensor = tensor
    this.#device = device
  }

  get dims(): readonly number[] {
    return this.tensor.dims
  }

  read(): Promise<Float32Array> {
    return inTurn(async () => {
      try {
        const data = (await this.tensor.getData(true)) as Float32Array
        // A lost device may return zeros instead of an error.
        if (this.#device === 'webgpu') checkGpu()
        return data
      } catch (cause) {
        throw new GpuFailure(reason(cause), { cause })
      }
    })
  }

  // In turn, since another graph may be running. What a lost device held is gone already.
  dispose(): void {
    inTurn(async () => this.tensor.dispose()).catch(() => {})
  }
}

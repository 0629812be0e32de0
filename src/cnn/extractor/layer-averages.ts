import { Matrix } from '../../core/matrix.ts'
import type { RawImage } from '../../image/image-input.ts'
import { writeTensor } from '../../image/tensor.ts'
import { aboveAverages, averagesBelow } from '../../onnx/edit/averages.ts'
import { inferTensors } from '../../onnx/shapes/infer.ts'
import type { Dims } from '../../onnx/shapes/tensor-info.ts'
import { pool } from '../pool.ts'
import { type Network, startNetwork } from '../runtime.ts'
import { type SpatialView, spatialView } from '../spatial-view.ts'
import { cutAt, type LoadedNetwork, pictureDims } from './load-network.ts'

/** A map of one image. */
export interface LayerMap extends SpatialView {
  data: Float32Array
}

/** Rows that are computed from averages at once. */
const ROWS = 64

/**
 * The maps whose averages are all that a layer's features depend on, and the part of the network that computes the
 * features from the averages.
 */
export class LayerAverages {
  readonly #parts: LoadedNetwork
  readonly #below: Network
  readonly #names: readonly string[]
  readonly #above: { network: Network; input: string; rows: number } | undefined

  private constructor(
    parts: LoadedNetwork,
    below: Network,
    names: readonly string[],
    above?: { network: Network; input: string; rows: number },
  ) {
    this.#parts = parts
    this.#below = below
    this.#names = names
    this.#above = above
  }

  /** @returns `undefined` if the features depend on the image in any other way */
  static async open(parts: LoadedNetwork): Promise<LayerAverages | undefined> {
    const { layer, pooling, dims, arrangement, running, port } = parts
    const picture = pictureDims(port, parts.preprocess)
    const view = spatialView(dims, arrangement)
    if (view && view.height * view.width > 1) {
      if (pooling !== 'average' || !view.isRectangular) return undefined
      const below = await startNetwork(cutAt(parts, [layer.name]), port, picture, running)
      return new LayerAverages(parts, below, [layer.name])
    }
    const whole = cutAt(parts, [layer.name])
    const found = averagesBelow(whole, layer.name, inferTensors(whole, { [port.name]: picture as Dims }))
    if (!found?.some(({ height, width }) => height * width > 1)) return undefined
    const names = [...new Set(found.map(({ map }) => map))]
    const { model, input, channels } = aboveAverages(whole, layer.name, found)
    const rows = port.batch ?? ROWS
    const below = await startNetwork(cutAt(parts, names), port, picture, running)
    try {
      const size = { name: input, batch: port.batch }
      const network = await startNetwork(model, size, [rows, channels, 1, 1], running)
      return new LayerAverages(
        parts,
        below,
        found.map(({ map }) => map),
        { network, input, rows },
      )
    } catch (error) {
      await below.release()
      throw error
    }
  }

  /**
   * The maps of a picture, opaque RGBA of the size of the network's input. A map that is averaged twice is in it twice.
   */
  async maps(picture: RawImage): Promise<LayerMap[]> {
    const { port, preprocess, arrangements } = this.#parts
    const dims = pictureDims(port, preprocess)
    const batch = new Float32Array(dims.reduce((all, n) => all * n, 1))
    const asItIs = { ...preprocess, size: undefined, crop: { width: picture.width, height: picture.height } }
    writeTensor(picture, asItIs, batch.subarray(0, batch.length / dims[0]))
    const found = await this.#below.run(port.name, batch, dims)
    return this.#names.map((name) => {
      const { data, dims: own } = found.get(name)!
      const length = own.slice(1).reduce((all, n) => all * n, 1)
      return { data: data.slice(0, length), ...spatialView(own, arrangements.of(name, own))! }
    })
  }

  /** @param averages [rows, channels of all maps] */
  async features(averages: Matrix): Promise<Matrix> {
    const { pooling, arrangement } = this.#parts
    if (!this.#above) return averages
    const { network, input, rows } = this.#above
    let features: Float32Array | undefined
    let width = 0
    for (let from = 0; from < averages.rows; from += rows) {
      const batch = new Float32Array(rows * averages.cols)
      batch.set(averages.data.subarray(from * averages.cols, (from + rows) * averages.cols))
      const [activation] = (await network.run(input, batch, [rows, averages.cols, 1, 1])).values()
      width = activation.dims.slice(1).reduce((all, n) => all * n, 1)
      features ??= new Float32Array(averages.rows * width)
      const count = Math.min(rows, averages.rows - from)
      pool(activation, pooling, count, features.subarray(from * width), arrangement)
    }
    return new Matrix(features!, averages.rows, width)
  }

  async release(): Promise<void> {
    await Promise.all([this.#below.release(), this.#above?.network.release()])
  }
}

import { Matrix } from '../../core/matrix.ts'
import type { RawImage } from '../../image/image-input.ts'
import { writeTensor } from '../../image/tensor.ts'
import { aboveAverages, averagesBelow } from '../../onnx/edit/averages.ts'
import { cutModel } from '../../onnx/edit/cut.ts'
import { withFloat32Io } from '../../onnx/edit/float32-io.ts'
import { inferTensors } from '../../onnx/shapes/infer.ts'
import type { Dims } from '../../onnx/shapes/tensor-info.ts'
import { pool } from '../pool.ts'
import type { Network } from '../runtime.ts'
import { type SpatialView, spatialView } from '../spatial-view.ts'
import { startNetwork } from '../start-network.ts'
import { type LoadedNetwork, pictureDims } from './load-network.ts'

/** A map of one image. */
export interface LayerMap extends SpatialView {
  data: Float32Array
  /** Whether it is of the horizontal mirror image. */
  isMirrored: boolean
}

/** Where a map comes from. */
type MapSource = Pick<LayerMap, 'isMirrored'> & { name: string }

/** Rows that are computed from averages at once. */
const ROWS = 64

/**
 * The maps whose averages are all that a layer's features depend on, and the part of the network that computes the
 * features from the averages.
 */
export class LayerAverages {
  readonly #parts: LoadedNetwork
  readonly #below: Network
  readonly #sources: readonly MapSource[]
  readonly #above: { network: Network; input: string; rows: number } | undefined

  private constructor(
    parts: LoadedNetwork,
    below: Network,
    sources: readonly MapSource[],
    above?: { network: Network; input: string; rows: number },
  ) {
    this.#parts = parts
    this.#below = below
    this.#sources = sources
    this.#above = above
  }

  /** @returns `undefined` if the features depend on the image in any other way */
  static async open(parts: LoadedNetwork): Promise<LayerAverages | undefined> {
    const { layer, pooling, dims, arrangement, running, port, cut } = parts
    const picture = pictureDims(port, parts.preprocess)
    const view = spatialView(dims, arrangement)
    if (view && view.height * view.width > 1) {
      if (pooling !== 'average' || !view.isRectangular) return undefined
      const below = await startNetwork(cut, port, picture, running)
      return new LayerAverages(parts, below, [{ name: layer.name, isMirrored: false }])
    }
    const facts = inferTensors(cut, { [port.name]: picture as Dims })
    const found = averagesBelow(cut, layer.name, facts)
    if (!found?.some(({ height, width }) => height * width > 1)) return undefined
    const names = [...new Set(found.map(({ map }) => map))]
    const { model, input, channels } = aboveAverages(cut, layer.name, found)
    const rows = port.batch ?? ROWS
    const below = await startNetwork(withFloat32Io(cutModel(cut, names), facts), port, picture, running)
    try {
      const size = { name: input, batch: port.batch }
      const network = await startNetwork(model, size, [rows, channels, 1, 1], running)
      const sources = found.map(({ map, isMirrored }) => ({ name: map, isMirrored }))
      return new LayerAverages(parts, below, sources, { network, input, rows })
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
    return this.#sources.map(({ name, isMirrored }) => {
      const { data, dims: own } = found.get(name)!
      const length = own.slice(1).reduce((all, n) => all * n, 1)
      return { data: data.slice(0, length), isMirrored, ...spatialView(own, arrangements.of(name, own))! }
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

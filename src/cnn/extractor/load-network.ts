import { invalidArgument, SoftmarginError, show } from '../../core/errors.ts'
import type { HuggingFacePreprocess } from '../../image/hugging-face-config.ts'
import { outputSize, resolvePreprocess } from '../../image/preprocess.ts'
import type { Preprocess, ResolvedPreprocess, Size } from '../../image/preprocess-options.ts'
import { cutModel } from '../../onnx/edit/cut.ts'
import { hasFloat32Io } from '../../onnx/edit/float32-bridges.ts'
import { typeName } from '../../onnx/graph/graph.ts'
import { TensorProto_DataType as DataType, type ModelProto } from '../../onnx/proto/onnx.ts'
import { inferOnDemand } from '../../onnx/shapes/infer-on-demand.ts'
import type { TensorInfo } from '../../onnx/shapes/tensor-info.ts'
import { type ImageTensorInput, imageTensorInput } from '../image-tensor-input.ts'
import { Arrangements } from '../layers/arrangements.ts'
import type { LayerInfo } from '../layers/layer-info.ts'
import { findLayer, listLayers } from '../layers/list-layers.ts'
import { modelMetadata } from '../layers/model-metadata.ts'
import { checkRows, type ResolvedPooling, resolvePooling } from '../pool.ts'
import type { Network, RunningOptions } from '../runtime.ts'
import type { Arrangement } from '../spatial-view.ts'
import { startNetwork } from '../start-network.ts'
import type { ExtractorOptions } from './extractor-options.ts'
import { imageThreadCount } from './image-thread-count.ts'
import type { OpenedModel } from './model-source.ts'

/** A loaded model and everything determined while creating an extractor from it. */
export interface LoadedNetwork {
  /** The whole model. */
  model: ModelProto
  /** What the file tells of the tensors, for images of any size. */
  facts: Map<string, TensorInfo>
  /** The same for images of the size that the network gets. */
  sized: Map<string, TensorInfo>
  /** `'tiny'`, `'small'`, the path or URL of the model, or `'bytes'`. */
  name: string
  /** The model cut at the layer, with float32 input and outputs. */
  cut: ModelProto
  /** Whether every cut of the model also averages over the horizontally flipped image. */
  mirror: boolean
  /** How far the images are shifted that every cut also averages over, as a share of the side; 0 for none. */
  shift: number
  layers: LayerInfo[]
  layer: LayerInfo
  port: ImageTensorInput
  preprocess: ResolvedPreprocess
  /** How the network was started; later cuts of it use the same options. */
  running: RunningOptions
  session: Network
  /** Number of threads that run images, including this one. */
  threads: number
  /** Output shape of the layer, batch first. */
  dims: readonly number[]
  pooling: ResolvedPooling
  /** How the layer is arranged. */
  arrangement: Arrangement
  /** How any layer is arranged. */
  arrangements: Arrangements
}

/**
 * Cuts a model at the layer, resolves its preprocessing, and runs it once on a blank image to determine its
 * output shape.
 *
 * @param options validated extractor options
 * @throws {SoftmarginError} `MODEL_UNREADABLE`, `MODEL_UNSUPPORTED`, `LAYER_NOT_FOUND`, `INVALID_ARGUMENT`,
 *   `HOST_UNSUPPORTED`
 */
export async function loadNetwork(opened: OpenedModel, options: ExtractorOptions): Promise<LoadedNetwork> {
  const { model, name } = opened
  const facts = await inferOnDemand(model)
  const layers = listLayers(model, facts)
  const layer =
    options.layer === undefined ? defaultOf(layers) : pickLayer(layers, facts, options.layer, 'layer')
  const own = ownOf(model, layer)
  const { mirror = false, shift = 0, prefixTokens = own?.prefixTokens } = options
  const plain = await withFloats(cutModel(model, [layer.name]), facts)
  const port = imageTensorInput(plain)
  const preprocess = await preprocessFor(opened, port, options.preprocess)
  const input = { name: port.name, dims: pictureDims(port, preprocess) }
  const sized = await inferOnDemand(model, { [input.name]: input.dims })
  const arrangements = new Arrangements(model, sized, prefixTokens)
  const cut = await averaged(plain, { facts, arrangements, preprocess, mirror, shift })
  const { threads, onWarning, device = 'wasm', runtime, executionProviders } = options
  const found = {
    model,
    facts,
    sized,
    mirror,
    shift,
    name,
    cut,
    layers,
    layer,
    port,
    preprocess,
    arrangements,
  }
  const start = async (running: RunningOptions): Promise<LoadedNetwork> => {
    const session = await startNetwork(cut, port, input.dims, running)
    try {
      const dims = await runOnce(session, port, preprocess, layer)
      const arrangement = arrangements.of(layer.name, dims)
      const pooling = resolvePooling(options.pooling ?? own?.pooling ?? 'auto', dims, arrangement)
      const threads = await imageThreadCount(session, options.threads, sizeOfWeights(cut))
      return { ...found, running, session, threads, dims, pooling, arrangement }
    } catch (error) {
      await session.release()
      throw error
    }
  }
  const onWasm = () => start({ threads, onWarning, runtime, executionProviders, device: 'wasm' })
  if (device === 'wasm') return onWasm()
  const onGpu = start({ onWarning, runtime, device: 'webgpu' })
  // WebAssembly may run what the GPU cannot. If both fail, the error of WebAssembly is thrown.
  return device === 'auto' ? onGpu.catch(onWasm) : onGpu
}

/** What a file says of the layer, if it names that one. */
function ownOf(model: ModelProto, layer: LayerInfo) {
  const own = modelMetadata(model)
  return own?.layer === layer.name ? own : undefined
}

/** A cut network with float32 input and outputs, which most have already. */
async function withFloats(cut: ModelProto, facts: Map<string, TensorInfo>): Promise<ModelProto> {
  if (hasFloat32Io(cut, facts)) return cut
  const { withFloat32Io } = await import('../../onnx/edit/float32-io.ts')
  return withFloat32Io(cut, facts)
}

/** A cut network whose outputs are averaged over the views of an image that the extractor's options ask for. */
export async function averaged(
  cut: ModelProto,
  {
    facts,
    arrangements,
    preprocess,
    mirror,
    shift,
  }: Pick<LoadedNetwork, 'facts' | 'arrangements' | 'preprocess' | 'mirror' | 'shift'>,
): Promise<ModelProto> {
  if (!mirror && shift === 0) return cut
  const { withViews } = await import('../../onnx/edit/averaged-views.ts')
  const { width, height } = outputSize(preprocess)
  const pixels = (side: number) => (shift === 0 ? 0 : Math.max(1, Math.round(shift * side)))
  const views = { mirror, shift: { down: pixels(height), right: pixels(width) } }
  return withViews(cut, imageTensorInput(cut).name, views, (name) => {
    const rank = facts.get(name)?.dims?.length
    return rank === undefined || rank === 2 ? { rank } : { rank, ...arrangements.of(name) }
  })
}

function defaultOf(layers: LayerInfo[]): LayerInfo {
  const layer = layers.find(({ isDefault }) => isDefault)
  if (layer) return layer
  throw new SoftmarginError('MODEL_UNSUPPORTED', 'no node of the model depends on its image input', {
    argument: 'model',
    expected: 'one image input',
  })
}

/**
 * Resolves a layer by name as `findLayer` does, but distinguishes a layer that is not of floats from one that
 * does not exist.
 *
 * @throws {SoftmarginError} `LAYER_NOT_FOUND`, `MODEL_UNSUPPORTED`, `INVALID_ARGUMENT`
 */
export function pickLayer(
  layers: LayerInfo[],
  facts: Map<string, TensorInfo>,
  wanted: string | number,
  argument: string,
): LayerInfo {
  if (wanted === 'auto' && !facts.has('auto')) {
    const message = `${argument}: 'auto' needs labels; use ImageClassifier or chooseLayer()`
    throw invalidArgument(argument, wanted, 'the name of a layer, or its position from the end', message)
  }
  const type = facts.get(String(wanted))?.type
  if (type === undefined || layers.some(({ name }) => name === wanted) || floats.has(type)) {
    return findLayer(layers, wanted, argument)
  }
  const message = `${argument} ${show(wanted)} returns ${typeName(type)} instead of float32`
  throw new SoftmarginError('MODEL_UNSUPPORTED', message, {
    argument,
    received: wanted,
    expected: 'a layer of floats',
  })
}

async function preprocessFor(
  { model, preprocess: beside }: OpenedModel,
  port: ImageTensorInput,
  given: Preprocess | HuggingFacePreprocess | undefined,
): Promise<ResolvedPreprocess> {
  const { channels, width, height } = port
  const size = width !== undefined && height !== undefined ? { width, height } : undefined
  let own: Preprocess | HuggingFacePreprocess | undefined = modelMetadata(model)?.preprocess ?? beside
  try {
    await resolvePreprocess({}, own, { channels, size })
  } catch (cause) {
    // An unusable preprocessor_config.json on the hub is ignored if the caller passed preprocessing options.
    if (own !== beside || given === undefined) {
      const message = `the preprocessing settings of the model are not supported: ${(cause as Error).message}`
      throw new SoftmarginError('MODEL_UNREADABLE', message, { argument: 'model', cause })
    }
    own = undefined
  }
  const preprocess = await resolvePreprocess(given, own, { channels, size })
  checkSize(port, preprocess)
  return preprocess
}

/**
 * @throws {SoftmarginError} `INVALID_ARGUMENT` if preprocessing produces a size that the model does not
 *   accept
 */
export function checkSize(port: ImageTensorInput, preprocess: ResolvedPreprocess): void {
  const made: Size = outputSize(preprocess)
  const { width = made.width, height = made.height } = port
  if (width === made.width && height === made.height) return
  const field = preprocess.crop ? 'preprocess.crop' : 'preprocess.size'
  const expected = `${width} x ${height} (width x height), the only size that the model accepts`
  const details = { argument: field, received: made, expected }
  const message = `${field} must be ${expected}, but is ${made.width} x ${made.height}`
  throw new SoftmarginError('INVALID_ARGUMENT', message, details)
}

function sizeOfWeights({ graph }: ModelProto): number {
  return graph!.initializer.reduce((sum, { rawData }) => sum + rawData.length, 0)
}

const floats = new Set([DataType.FLOAT, DataType.FLOAT16, DataType.DOUBLE])

/**
 * Maximum number of values in a batch: 1 GB as float32, of the 4 GB that WebAssembly can address for the
 * whole network.
 */
const MAX_BATCH_NUMBERS = 2 ** 28

/** Dimensions of the smallest batch that the network accepts. */
export function pictureDims(port: ImageTensorInput, preprocess: ResolvedPreprocess): number[] {
  const { width, height } = outputSize(preprocess)
  const dims = [port.batch ?? 1, preprocess.mean.length, height, width]
  const length = dims.reduce((all, n) => all * n, 1)
  if (length > MAX_BATCH_NUMBERS) {
    const message = `a batch of images for this model has ${dims.join(' x ')} numbers, but at most ${MAX_BATCH_NUMBERS} fit in memory`
    const expected = 'a model and a preprocess.size whose batches fit in memory'
    throw new SoftmarginError('OUT_OF_MEMORY', message, { argument: 'model', received: dims, expected })
  }
  return dims
}

/** Runs a blank image to determine the layer's output shape before the first real image. */
async function runOnce(
  session: Network,
  port: ImageTensorInput,
  preprocess: ResolvedPreprocess,
  layer: LayerInfo,
) {
  const dims = pictureDims(port, preprocess)
  const empty = new Float32Array(dims.reduce((all, n) => all * n, 1))
  const activations = await session.run(port.name, empty, dims)
  const activation = activations.get(layer.name)!
  checkRows(activation, layer.name, dims[0])
  return activation.dims
}

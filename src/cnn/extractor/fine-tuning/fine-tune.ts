import { encodeLabels } from '../../../core/label-codes.ts'
import type { Label } from '../../../core/labels.ts'
import type { Matrix } from '../../../core/matrix.ts'
import { Random } from '../../../core/random.ts'
import { threadsFor } from '../../../engine/wasm/thread-count.ts'
import type { ImageInput } from '../../../image/image-input.ts'
import { joinFrozen } from '../../../onnx/edit/join-frozen.ts'
import { type Tail, tailOf } from '../../../onnx/gradient/tail.ts'
import type { ModelProto } from '../../../onnx/proto/onnx.ts'
import { inferTensors } from '../../../onnx/shapes/infer.ts'
import type { TensorInfo } from '../../../onnx/shapes/tensor-info.ts'
import { GpuFailure } from '../../gpu-failure.ts'
import type { RunningOptions, RuntimeInfo } from '../../runtime.ts'
import type { FineTuneOptions, Settings } from '../../training/fine-tune-options.ts'
import { GradientRunner } from '../../training/gradient-runner.ts'
import {
  keepActivations,
  keepImages,
  type TrainingData,
  type ViewPlan,
} from '../../training/kept-activations.ts'
import { microBatchSize, viewsThatFit, workOfStep } from '../../training/plan-training.ts'
import { resetWeights } from '../../training/reset-weights.ts'
import { type TrainingReport, train } from '../../training/train.ts'
import { withWeights } from '../../training/tuned-model.ts'
import { type LoadedNetwork, pictureDims } from '../load-network.ts'
import { plainCut, readsImages, sizeOfKept, sizeOfOne } from './trainable-tail.ts'
import { startDecoder, startFront } from './training-front.ts'

/** A trained network. */
export interface Trained {
  /** The network up to the layer, with tuned weights; with `joinFrozen` both networks, the tuned one's features first. */
  model: ModelProto
  from: string
  /** The runtime that computed the gradients. */
  runtime: RuntimeInfo['name']
  report: TrainingReport
  /** The head: [classes, features] and [classes], for features times `featureScale`. */
  head: { weight: Float32Array; bias: Float32Array; featureScale: number }
  /** What was kept of all images, for another training on them. */
  data: TrainingData
}

/** Everything that trainings on the same images have in common. */
export interface TrainingSetup {
  images: readonly ImageInput[]
  from: string
  flip: boolean
  /** Share of the batches to which CutMix is applied: 0 unless the tail reads the images. */
  cutMix: number
  settings: Settings
}

/** What one training learns from, and until when. */
export interface TrainingTask {
  /** Which of the images. */
  rows: Int32Array
  /** Their labels and their frozen features. */
  labels: readonly Label[]
  features: Matrix
  /** When to end, in milliseconds of `performance.now`, if time decides. */
  deadline: number | undefined
  /** `data` of an earlier training on the images; computed if there is none. */
  data?: TrainingData | undefined
}

/**
 * Mean squared norm of a row of features for which the default learning rates are meant: that of the CNN that ships on
 * small photos. Features of other networks are multiplied to have it before the head.
 */
const TYPICAL_SQUARED_NORM = 62

type Facts = Map<string, TensorInfo>

/** Maximum number of images that the engine is given at once. */
const MAX_MICRO_BATCH = 64

/** Views kept where time, not a number of epochs, decides. */
const VIEWS_BY_TIME = 8

/**
 * Trains the part of a network above a layer, with a linear head that is thrown away. If the GPU fails, the training begins
 * again on WebAssembly.
 *
 * @throws {SoftmarginError} the errors of `keepActivations`, `GradientRunner.start` and `train`; `OUT_OF_MEMORY`
 */
export async function trainAbove(
  parts: LoadedNetwork,
  setup: TrainingSetup,
  task: TrainingTask,
  o: Pick<FineTuneOptions, 'signal' | 'onProgress'>,
): Promise<Trained> {
  const { running } = parts
  try {
    return await trainIn(parts, running, setup, task, o)
  } catch (error) {
    if (!(error instanceof GpuFailure)) throw error
    const { onWarning = console.warn } = running
    onWarning(`softmargin: the GPU failed (${error.message}); the training begins again on WebAssembly`)
    return trainIn(parts, { ...running, device: 'wasm' }, setup, task, o)
  }
}

/** @param running where the gradients are computed */
async function trainIn(
  parts: LoadedNetwork,
  running: RunningOptions,
  setup: TrainingSetup,
  task: TrainingTask,
  o: Pick<FineTuneOptions, 'signal' | 'onProgress'>,
): Promise<Trained> {
  const { images, from, settings } = setup
  const { port, preprocess, pooling } = parts
  const cut = plainCut(parts)
  const picture = pictureDims(port, preprocess).slice(1)
  const factsOf = (batch: number) => inferTensors(cut, { [port.name]: [batch, ...picture] })
  const facts = factsOf(port.batch ?? 1)
  const one = tailOf(cut, facts, from)
  const tailFor = (microBatch: number) => tailOf(cut, factsOf(port.batch ?? microBatch), from)
  const size = sizeOfKept(one)
  const hasViews = setup.flip || settings.augment.shift > 0
  const wanted = readsImages(one, parts) || !hasViews ? 1 : (settings.epochs ?? VIEWS_BY_TIME)
  const precision = settings.activations
  const views = viewsThatFit(images.length, { size, precision }, wanted, from)

  const { codes, classes } = encodeLabels(task.labels, 'labels')
  const featureScale = Math.sqrt(TYPICAL_SQUARED_NORM / Math.max(1e-12, meanSquaredNorm(task.features)))
  const { learningRate: _, layerDecay } = settings
  const tails = {
    forEngine: () => tailFor(Math.min(MAX_MICRO_BATCH, settings.batchSize)),
    forOnnxGraph: () => tailFor(microBatchSize(one, facts, settings.batchSize)),
  }
  const runner = await GradientRunner.start(tails, {
    pooling,
    arrangement: parts.arrangement,
    classes: classes.length,
    featureScale,
    layerFactor: (depth) => powerOf(layerDecay, depth),
    // The head starts at zero, so it has further to go than the weights below it.
    headFactor: 5,
    running,
    threads: await threadsFor(
      running.threads,
      workOfStep(one, facts) * codes.length * (settings.epochs ?? Infinity),
    ),
  })
  try {
    const random = new Random(settings.randomState)
    if (settings.reset) resetWeights(one, runner.parameters, random)
    const { shift } = settings.augment
    const plan = { flip: setup.flip, shift, views, randomState: settings.randomState, precision }
    const data = task.data ?? (await keepAll(parts, setup, { tail: one, facts }, plan, o))
    data.restart()
    const part: Pick<TrainingData, 'gather'> = {
      gather: (epoch, rows, to) =>
        data.gather(
          epoch,
          rows.map((row) => task.rows[row]),
          to,
        ),
    }
    const [channels, height, width] = picture
    const size = { channels, height, width }
    const report = await train(runner, part, codes, {
      ...settings,
      cutMix: setup.cutMix > 0 ? { probability: setup.cutMix, size } : undefined,
      deadline: task.deadline,
      signal: o.signal,
      onProgress: o.onProgress,
    })
    const [weight, bias] = runner.parameters.slice(-2).map(({ values }) => values)
    const weights = new Map(runner.parameters.slice(0, -2).map((one) => [one.name, one]))
    return {
      model: settings.joinFrozen
        ? joinFrozen(cut, withWeights(cut, weights), weights.keys(), channelAxisOf(parts))
        : withWeights(cut, weights),
      from,
      runtime: runner.runtime,
      report,
      head: { weight, bias, featureScale },
      data,
    }
  } finally {
    await runner.release()
  }
}

/** The axis of the layer's channels, or of its features. */
function channelAxisOf({ dims, arrangement: { channelAxis } }: LoadedNetwork): number {
  if (dims.length === 3) return channelAxis ?? 2
  return dims.length === 4 ? (channelAxis ?? 1) : 1
}

/** What the tail reads of all images. */
async function keepAll(
  parts: LoadedNetwork,
  setup: TrainingSetup,
  { tail, facts }: { tail: Tail; facts: Facts },
  plan: ViewPlan,
  o: Pick<FineTuneOptions, 'signal' | 'onProgress'>,
): Promise<TrainingData> {
  const { images } = setup
  const kept = tail.kept.map(({ name, dims }) => ({ name, size: sizeOfOne(dims) }))
  const { flip, shift, views: count, randomState } = plan
  const options = {
    signal: o.signal,
    onImages: (done: number, threads: number, known?: number) =>
      o.onProgress?.({ stage: 'activations', done, total: images.length, threads, known }),
  }
  if (readsImages(tail, parts)) {
    const { run, release } = await startDecoder(parts)
    return keepImages(images, parts.preprocess, run, plan, options).finally(release)
  }
  // A seed by which no image is changed is not to make rows of a store other ones.
  const views = { count, flip, shift, randomState: flip || shift > 0 ? randomState : 0 }
  const front = await startFront(parts, tail, facts, views)
  const source = { images, front, kept, store: setup.settings.store }
  return keepActivations(source, plan, options).finally(front.release)
}

function meanSquaredNorm({ data, rows }: Matrix): number {
  let sum = 0
  for (let i = 0; i < data.length; i++) sum += data[i] * data[i]
  return sum / rows
}

/** A power by multiplications alone: `**` differs between hosts in its last bits. */
function powerOf(base: number, exponent: number): number {
  let power = 1
  for (let i = 0; i < exponent; i++) power *= base
  return power
}

import { SoftmarginError, throwIfAborted } from '../../core/errors.ts'
import { Random } from '../../core/random.ts'
import { yieldToHost } from '../../host/platform/yield.ts'
import type { TensorSize } from '../augmentation/augment.ts'
import { type CutMix, drawCutMix, pasteRectangle } from '../augmentation/cut-mix.ts'
import type { FineTuneProgress, Settings } from './fine-tune-options.ts'
import type { GradientRunner } from './gradient-runner.ts'
import type { TrainingData } from './kept-activations.ts'
import { scheduleFactor } from './optimizer.ts'
import type { WeightUpdater } from './weight-updater.ts'

/** What a training did, as in `Tuning`. */
export interface TrainingReport {
  epochs: number
  steps: number
  loss: number
  learningRate: number
  restarts: number
}

/** Settings of a training and the options of its call. */
type TrainingOptions = Omit<Settings, 'augment'> & {
  /** CutMix: to what share of the batches it is applied, and the size of the images. Only where the tail reads images. */
  cutMix?: { probability: number; size: TensorSize } | undefined
  deadline: number | undefined
  signal: AbortSignal | undefined
  onProgress: ((progress: FineTuneProgress) => void) | undefined
}

/** Number of times that the learning rate may be halved. */
const MAX_RESTARTS = 8
/** Number of steps over which loss and accuracy are averaged. */
const RECENT_STEPS = 20
/** The part of the training, at its end, without CutMix: it ends on whole images. */
const UNMIXED_PART = 0.2
/** The part of the training, at its end, over which the weights are averaged, about. */
const AVERAGED_PART = 0.2

/** When the training ends, and what part of it has passed. */
interface Clock {
  /** Share of the training that will have passed after the next step, above 0 and at most 1. */
  progress(steps: number): number
  /** Estimated number of steps. */
  total(steps: number): number
}

/**
 * Trains the parameters of a runner, which end as an average over the last steps.
 *
 * @param codes the class of each image
 * @param options `deadline`: when to end, in milliseconds of `performance.now`, if time decides
 * @throws {SoftmarginError} `INVALID_ARGUMENT` if the loss diverges at any rate; `ABORTED`
 */
export async function train(
  runner: GradientRunner,
  data: Pick<TrainingData, 'gather'>,
  codes: Int32Array,
  options: TrainingOptions,
): Promise<TrainingReport> {
  const training = new Training(runner, data, codes, options)
  const random = new Random(options.randomState)
  const order = Int32Array.from(codes.keys())
  for (let epoch = 0; !training.isOver; epoch++) {
    if (options.shuffle) random.shuffle(order)
    await training.runEpoch(epoch, order)
  }
  return training.finish()
}

/** A training in progress. */
class Training {
  isOver = false
  readonly #runner: GradientRunner
  readonly #data: Pick<TrainingData, 'gather'>
  readonly #codes: Int32Array
  readonly #options: TrainingOptions
  readonly #updater: WeightUpdater
  readonly #clock: Clock
  readonly #stepsPerEpoch: number
  readonly #started = performance.now()
  readonly #recent = new RecentSteps()
  /** What is mixed at random, apart from the order of the images. */
  readonly #mixing: Random
  /** The other images of a CutMix. */
  readonly #others: Float32Array
  /** The loss of the epoch whose weights were kept: the lowest one. */
  #bestLoss = Infinity
  #learningRate: number
  #steps = 0
  #restarts = 0
  #firstLoss: number | undefined
  /** Mean loss of the last epoch. */
  #epochLoss = 0

  constructor(
    runner: GradientRunner,
    data: Pick<TrainingData, 'gather'>,
    codes: Int32Array,
    options: TrainingOptions,
  ) {
    this.#runner = runner
    this.#data = data
    this.#codes = codes
    this.#options = options
    this.#updater = runner.startUpdater(options)
    this.#stepsPerEpoch = Math.ceil(codes.length / options.batchSize)
    this.#clock = clockOf(options, this.#stepsPerEpoch)
    this.#learningRate = options.learningRate
    this.#mixing = new Random((options.randomState ^ 0x6d697865) >>> 0)
    this.#others = new Float32Array(options.cutMix ? runner.inputs[0].length : 0)
  }

  /** @param order the images, in the order in which they are shown */
  async runEpoch(epoch: number, order: Int32Array): Promise<void> {
    const { batchSize, labelSmoothing, signal } = this.#options
    let lossSum = 0
    let seen = 0
    for (let from = 0; from < order.length && !this.isOver; from += batchSize) {
      const rows = order.subarray(from, Math.min(order.length, from + batchSize))
      const mix = this.#drawMix(rows.length)
      const others = mix && Int32Array.from(mix.others, (at) => rows[at])
      const codesOf = (some: Int32Array) => some.map((row) => this.#codes[row])
      const mixed = mix && others && { codes: codesOf(others), share: mix.share }
      const batch = await this.#runner.computeGradients(
        { codes: codesOf(rows), labelSmoothing, mixed },
        (begin, end) => {
          this.#data.gather(epoch, rows.subarray(begin, end), this.#runner.inputs)
          if (mix && others) this.#paste(epoch, others.subarray(begin, end), mix)
        },
        signal,
      )
      const loss = batch.loss / rows.length
      if (await this.#step(loss, batch.correct / rows.length)) {
        lossSum += loss * rows.length
        seen += rows.length
      }
      await yieldToHost()
      throwIfAborted(signal)
    }
    if (seen > 0) this.#epochLoss = lossSum / seen
    if (seen === order.length && this.#epochLoss < this.#bestLoss) {
      this.#bestLoss = this.#epochLoss
      this.#updater.keep()
    }
  }

  /** The CutMix of a batch of `count` images, if there is one. */
  #drawMix(count: number): CutMix | undefined {
    const { cutMix } = this.#options
    if (!cutMix || this.#clock.progress(this.#steps) > 1 - UNMIXED_PART) return undefined
    const isMixed = this.#mixing.uint32() < cutMix.probability * 2 ** 32
    return isMixed ? drawCutMix(this.#mixing, count, cutMix.size) : undefined
  }

  /** Pastes rectangles of images into those that the runner is given. @param rows the images that are pasted */
  #paste(epoch: number, rows: Int32Array, mix: CutMix): void {
    const { size } = this.#options.cutMix!
    const length = size.channels * size.height * size.width
    const [images] = this.#runner.inputs
    this.#data.gather(epoch, rows, [this.#others])
    for (let at = 0; at < rows.length * length; at += length) {
      const end = at + length
      pasteRectangle(this.#others.subarray(at, end), images.subarray(at, end), size, mix)
    }
  }

  /**
   * Changes the weights by the gradients of a batch.
   *
   * @param loss mean loss of the batch
   * @param accuracy share of its images that were labelled correctly
   * @returns `false` if the training restarted instead
   */
  async #step(loss: number, accuracy: number): Promise<boolean> {
    const clock = this.#clock
    const recent = this.#recent
    this.#firstLoss ??= loss
    const progress = clock.progress(this.#steps)
    const rate = this.#learningRate * scheduleFactor(this.#options.schedule, progress)
    const norm = await this.#updater.prepare(rate, AVERAGED_PART * clock.total(this.#steps))
    recent.add(loss, accuracy)
    // Before a restart forgets them.
    const { loss: recentLoss, accuracy: recentAccuracy } = recent
    const areFinite = Number.isFinite(loss) && Number.isFinite(norm)
    // Diverged: the loss is no longer finite, or the mean of the last 20 losses is twice the first loss.
    const hasDiverged = !areFinite || (recent.isFull && recentLoss > 2 * this.#firstLoss)
    if (hasDiverged) this.#restartFromBest()
    else this.#updater.apply()
    this.#steps++
    this.isOver = progress >= 1
    this.#reportProgress({ loss: recentLoss, accuracy: recentAccuracy, learningRate: rate })
    return !hasDiverged
  }

  /** @throws {SoftmarginError} `INVALID_ARGUMENT` if the learning rate was halved often enough */
  #restartFromBest(): void {
    if (this.#restarts++ === MAX_RESTARTS) throw diverged(this.#options.learningRate, MAX_RESTARTS)
    this.#learningRate /= 2
    this.#updater.restart()
    this.#recent.clear()
  }

  #reportProgress(step: { loss: number; accuracy: number; learningRate: number }): void {
    const steps = this.#steps
    const total = this.#clock.total(steps)
    const secondsPerStep = (performance.now() - this.#started) / 1000 / steps
    this.#options.onProgress?.({
      stage: 'training',
      done: this.isOver ? steps : Math.min(steps, total - 1),
      total: this.isOver ? steps : total,
      loss: Number.isFinite(step.loss) ? step.loss : undefined,
      accuracy: step.accuracy,
      learningRate: step.learningRate,
      secondsLeft: this.isOver ? 0 : secondsPerStep * (total - steps),
    })
  }

  /** Sets the weights to their average. @throws {SoftmarginError} `INVALID_ARGUMENT` if the loss diverged in every step */
  async finish(): Promise<TrainingReport> {
    if (this.#restarts === this.#steps) throw diverged(this.#options.learningRate, this.#restarts - 1)
    await this.#updater.finish()
    return {
      epochs: this.#steps / this.#stepsPerEpoch,
      steps: this.#steps,
      loss: this.#epochLoss,
      learningRate: this.#learningRate,
      restarts: this.#restarts,
    }
  }
}

function clockOf(
  { epochs, deadline }: { epochs: number | undefined; deadline: number | undefined },
  stepsPerEpoch: number,
): Clock {
  if (deadline === undefined) {
    const all = epochs! * stepsPerEpoch
    return { progress: (steps) => (steps + 1) / all, total: () => all }
  }
  const started = performance.now()
  const passed = () =>
    Math.max(1e-6, Math.min(1, (performance.now() - started) / Math.max(1, deadline - started)))
  return { progress: passed, total: (steps) => Math.max(steps + 1, Math.round((steps + 1) / passed())) }
}

/** Loss and accuracy over the last `RECENT_STEPS` steps. */
class RecentSteps {
  readonly #steps: { loss: number; accuracy: number }[] = []

  add(loss: number, accuracy: number): void {
    this.#steps.push({ loss, accuracy })
    if (this.#steps.length > RECENT_STEPS) this.#steps.shift()
  }

  get isFull(): boolean {
    return this.#steps.length === RECENT_STEPS
  }

  get loss(): number {
    return this.#steps.reduce((sum, { loss }) => sum + loss, 0) / this.#steps.length
  }

  get accuracy(): number {
    return this.#steps.reduce((sum, { accuracy }) => sum + accuracy, 0) / this.#steps.length
  }

  clear(): void {
    this.#steps.length = 0
  }
}

function diverged(learningRate: number, halvings: number): SoftmarginError {
  const lowest = learningRate / 2 ** halvings
  const expected = 'a rate at which the loss does not diverge'
  const lower = halvings === 0 ? '' : ` and at each of ${halvings} halvings, down to ${lowest}`
  const message = `the loss diverged at learningRate ${learningRate}${lower}: pass a smaller learningRate, or check the labels and whether the network's activations are finite`
  return new SoftmarginError('INVALID_ARGUMENT', message, {
    argument: 'learningRate',
    received: learningRate,
    expected,
  })
}

import { SoftmarginError, throwIfAborted } from '../../core/errors.ts'
import { Random } from '../../core/random.ts'
import { yieldToHost } from '../../host/platform/yield.ts'
import type { FineTuneProgress, Settings } from './fine-tune-options.ts'
import type { GradientRunner } from './gradient-runner.ts'
import type { TrainingData } from './kept-activations.ts'
import { clipNorm, Optimizer, scheduleFactor, WeightAverage } from './optimizer.ts'

/** What a training did, as in `Tuning`. */
export interface TrainingReport {
  epochs: number
  steps: number
  loss: number
  learningRate: number
  restarts: number
}

/** Norm that gradients are scaled down to: rarely reached, except where the loss is about to diverge. */
const mostNorm = 10
/** Number of times that the rate may be halved. */
const mostRestarts = 8

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
 * @param deadline when to end, in milliseconds of `performance.now`, if time decides
 * @throws {SoftmarginError} `INVALID_ARGUMENT` if the loss diverges at any rate; `ABORTED`
 */
export async function train(
  runner: GradientRunner,
  data: Pick<TrainingData, 'gather'>,
  codes: Int32Array,
  o: Settings & {
    deadline: number | undefined
    signal: AbortSignal | undefined
    onProgress: ((progress: FineTuneProgress) => void) | undefined
  },
): Promise<TrainingReport> {
  const random = new Random(o.randomState)
  const { parameters } = runner
  const optimizer = new Optimizer(parameters, o)
  const average = new WeightAverage(parameters)
  const copy = () => parameters.map(({ values }) => values.slice())
  const perEpoch = Math.ceil(codes.length / o.batchSize)
  const clock = clockOf(o, perEpoch)
  const order = Int32Array.from(codes.keys())
  const gradients = parameters.map(({ gradient }) => gradient)
  const started = performance.now()
  const lately = new Lately()
  let best = { loss: Infinity, weights: copy() }
  let { learningRate } = o
  let steps = 0
  let restarts = 0
  let first: number | undefined
  let epochLoss = 0
  let isOver = false
  for (let epoch = 0; !isOver; epoch++) {
    if (o.shuffle) random.shuffle(order)
    let sum = 0
    let seen = 0
    for (let from = 0; from < order.length && !isOver; from += o.batchSize) {
      const rows = order.subarray(from, Math.min(order.length, from + o.batchSize))
      const batch = await runner.run(
        Int32Array.from(rows, (row) => codes[row]),
        o.labelSmoothing,
        (begin, end) => data.gather(epoch, rows.subarray(begin, end), runner.inputs),
        o.signal,
      )
      const loss = batch.loss / rows.length
      first ??= loss
      const progress = clock.progress(steps)
      const rate = learningRate * scheduleFactor(o.schedule, progress)
      const norm = clipNorm(gradients, mostNorm)
      const isOff = !Number.isFinite(loss) || !Number.isFinite(norm)
      lately.add(loss, batch.right / rows.length)
      if (isOff || (lately.isFull && lately.loss > 2 * first)) {
        if (restarts++ === mostRestarts) throw diverged(o.learningRate)
        learningRate /= 2
        for (const [i, { values }] of parameters.entries()) values.set(best.weights[i])
        optimizer.reset()
        average.reset()
        lately.clear()
      } else {
        optimizer.step(gradients, rate)
        average.add(0.2 * clock.total(steps))
        sum += loss * rows.length
        seen += rows.length
      }
      steps++
      isOver = progress >= 1
      const secondsLeft = ((performance.now() - started) / 1000 / steps) * (clock.total(steps) - steps)
      o.onProgress?.({
        stage: 'training',
        done: isOver ? steps : Math.min(steps, clock.total(steps) - 1),
        total: isOver ? steps : clock.total(steps),
        loss: lately.loss,
        accuracy: lately.accuracy,
        learningRate: rate,
        secondsLeft: isOver ? 0 : secondsLeft,
      })
      await yieldToHost()
      throwIfAborted(o.signal)
    }
    if (seen > 0) epochLoss = sum / seen
    if (seen === order.length && epochLoss < best.loss) best = { loss: epochLoss, weights: copy() }
  }
  for (const [i, { values }] of parameters.entries()) values.set(average.values[i])
  return { epochs: steps / perEpoch, steps, loss: epochLoss, learningRate, restarts }
}

function clockOf(
  { epochs, deadline }: { epochs: number | undefined; deadline: number | undefined },
  perEpoch: number,
): Clock {
  if (deadline === undefined) {
    const all = epochs! * perEpoch
    return { progress: (steps) => (steps + 1) / all, total: () => all }
  }
  const started = performance.now()
  const share = () =>
    Math.max(1e-6, Math.min(1, (performance.now() - started) / Math.max(1, deadline - started)))
  return { progress: share, total: (steps) => Math.max(steps + 1, Math.round((steps + 1) / share())) }
}

/** Loss and accuracy over the last steps. */
class Lately {
  readonly #steps: { loss: number; accuracy: number }[] = []

  add(loss: number, accuracy: number): void {
    this.#steps.push({ loss, accuracy })
    if (this.#steps.length > 20) this.#steps.shift()
  }

  get isFull(): boolean {
    return this.#steps.length === 20
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

function diverged(learningRate: number): SoftmarginError {
  const expected = `a smaller rate: the loss diverged at ${learningRate} and at each of ${mostRestarts} halves of it`
  return new SoftmarginError('INVALID_ARGUMENT', `learningRate must be ${expected}`, {
    argument: 'learningRate',
    received: learningRate,
    expected,
  })
}

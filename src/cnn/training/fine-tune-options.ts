import type { LongCall, Progress } from '../../core/call-options.ts'
import { invalidArgument, type SoftmarginError } from '../../core/errors.ts'
import { checkKnownOptions } from '../../core/known-options.ts'
import type { Label } from '../../core/labels.ts'
import type { Precision } from '../../core/precision/float16.ts'
import type { RuntimeInfo } from '../runtime.ts'
import type { ActivationStore } from './activation-store.ts'

/** How training images are changed at random, anew in each epoch as far as memory allows. */
export interface Augmentation {
  /**
   * Whether to show mirror images, too. It suits photos in which left and right are interchangeable, and harms digits
   * and text. Default: whether the frozen network's features of mirror images are classified nearly as well as those
   * of the images themselves.
   */
  flip?: boolean | undefined
  /** Greatest shift along each axis, as a share of the side; the border is reflected. Default 1 / 16. */
  shift?: number | undefined
  /**
   * Share of the batches to which CutMix is applied: a rectangle of each image is replaced by that of another one, and the
   * target is mixed by the area. In the last fifth of the training there is none. Only where the whole network is trained
   * (`from: 'input'`). Default 0.5 if it is trained for 30 epochs or more, from the weights of the file, and mirror images
   * are shown; 0 otherwise.
   */
  cutMix?: number | undefined
}

/** Options of `FeatureExtractor.fineTune`. */
export interface FineTuneOptions extends LongCall<FineTuneProgress> {
  /**
   * The layer above which the network learns, in any form of the extractor's option `layer`; `'input'` or the name of
   * the image input for the whole network. The activations below are computed once and kept. Default: chosen from the
   * number of images of each class; more images choose a lower layer.
   */
  from?: string | number | undefined
  /**
   * Whether the weights above `from` start at random values instead of those of the file, to train a network from
   * nothing with `from: 'input'`. Default `false`.
   */
  reset?: boolean | undefined
  /**
   * Number of passes over the images. Default 15, or fewer, but at least 8, if 15 would take more than about ten minutes on
   * one core. Default 30 if CutMix suits the training (see `augment`) and they take no longer than that.
   */
  epochs?: number | undefined
  /**
   * Time that the call may take, in seconds, in place of `epochs`. The result then depends on the speed of the machine.
   */
  seconds?: number | undefined
  /**
   * How the activations below `from`, or the images, are kept in memory during the training and in `store`: `'float16'` takes
   * half of the memory, so that more views of each image may fit. Default `'float32'`.
   */
  activations?: Precision | undefined
  /**
   * A `FeatureStore` for the activations below `from`, so that another training on the same images need not compute them
   * again. It must be one of its own, since a store holds one kind of rows: all views of an image, which must be those that
   * this training asks for, in the precision of `activations`. Not used if the whole network is trained. Default: none.
   */
  store?: ActivationStore | undefined
  /** Number of images for each change of the weights. Default 32. */
  batchSize?: number | undefined
  /** Highest learning rate, that of the top layer. Default 0.02, or 0.001 for AdamW. */
  learningRate?: number | undefined
  /** Default `'sgd'`, with Nesterov momentum. */
  optimizer?: 'sgd' | 'adamw' | undefined
  /** Momentum of SGD, or the first beta of AdamW. Default 0.9. */
  momentum?: number | undefined
  /** Weight decay: L2 regularisation for SGD, decoupled for AdamW. Default 5e-4. */
  weightDecay?: number | undefined
  /** `'cosine'` (default) lowers the rate to 0 along half a cosine; both warm up for a tenth of the steps. */
  schedule?: 'cosine' | 'constant' | undefined
  /** Share of the target that is spread over all classes. Default 0.05. */
  labelSmoothing?: number | undefined
  /**
   * Layer-wise learning-rate decay: the rate of each layer is that of the layer above times this. Default 0.8, or 1 with
   * `reset`.
   */
  layerDecay?: number | undefined
  /** Random changes of training images; `false` for none. */
  augment?: Augmentation | false | undefined
  /** Whether to shuffle the images in each epoch. Default `true`. */
  shuffle?: boolean | undefined
  /**
   * Share of the images of each class that the network does not learn from. On these the tuned network is compared
   * with the frozen one, which is kept unless the tuned one is better by more than one standard error. If the difference is
   * less than two standard errors, other images are held out from another training, up to four times, as long as there
   * is time (by default some ten minutes on one core for all trainings) and `refit` is set. 0: learn from all images and
   * keep the tuned network in any case. Default 0.2.
   */
  validation?: number | undefined
  /**
   * The group of each image, a string or a number. Images of one group, such as those of one object, are either all
   * learnt from or all held out for the validation. Default: no groups.
   */
  groups?: ArrayLike<Label> | undefined
  /**
   * Whether the network, if the tuned one is kept, is trained once more, from the old weights and on all images, with
   * those of the validation. It takes as long again, and `seconds` is the time of both; if the second training makes less
   * than half as many passes as the first, the network stays as it was compared. Default `true`.
   */
  refit?: boolean | undefined
  /**
   * Whether the new extractor returns the features of the tuned network and, behind them, those of the frozen one. What the
   * two have in common is computed once. Default `false`.
   */
  joinFrozen?: boolean | undefined
  /** Seed of everything random, an integer from 0 to 2^32 - 1. Default 0. */
  randomState?: number | undefined
  /** Called for each image that cannot be read, which is skipped. Without it such an image makes the call fail. */
  onUnreadable?: ((index: number, error: SoftmarginError) => void) | undefined
}

/** Progress of a fine-tuning. */
export interface FineTuneProgress extends Progress {
  /**
   * What is counted: images whose features or activations are computed, or steps: of the training, of further trainings
   * for the validation (each counts from 0), and of the refit.
   */
  stage: 'features' | 'activations' | 'training' | 'validation' | 'refit'
  /** Number of threads that have worked on the images so far; only in the stages that count images. */
  threads?: number | undefined
  /** Number of images so far whose activations were in the store before; only with `store`. */
  known?: number | undefined
  /**
   * Mean loss of the last 20 steps or fewer; `undefined` if one of them was not finite. Only in the stages that count steps,
   * like all that follows.
   */
  loss?: number | undefined
  /** Share of images that the head labelled correctly while it learnt from them, over the same steps. */
  accuracy?: number | undefined
  /** The learning rate of this step. */
  learningRate?: number | undefined
  /** Estimate of the time left in this stage, in seconds. */
  secondsLeft?: number | undefined
}

/** What a fine-tuning did and whether it was of use; `FeatureExtractor.tuning`. */
export interface Tuning {
  /** Whether the tuned weights are in use; `false`: they were not better, and the frozen network is in use. */
  kept: boolean
  /**
   * Whether the tuned weights are those of a training on all images. All below is then about that training, except
   * `validation`.
   */
  refit: boolean
  /** The layer above which the network learnt. */
  from: string
  /** The runtime that computed the gradients. */
  runtime: RuntimeInfo['name']
  /** Number of passes over the images, a fraction if time ran out. */
  epochs: number
  /**
   * Number of batches that were run, including those after which training restarted instead of changing the weights.
   */
  steps: number
  /** Mean loss over the last epoch. */
  loss: number
  /** Highest learning rate: the one asked for, halved each time that the loss diverged. */
  learningRate: number
  /** Number of times that the loss diverged and training went on from the best weights at half the rate. */
  restarts: number
  /** Whether mirror images were shown. */
  flip: boolean
  /** The comparison on images that the network has not learnt from; absent with `validation: 0`. */
  validation?: Validation | undefined
}

/** The frozen and the tuned network on held-out images. Accuracies are shares of these images, 0 to 1. */
export interface Validation {
  /** Number of images. */
  images: number
  /** Number of trainings that each held out a part of these images: more than 1 if the first part left it unclear. */
  folds: number
  /** Positions, among the images that were passed, of those that the first training held out. */
  rows: number[]
  /** Accuracy of an `SVC` with default options on standardised features of the frozen network. */
  frozen: number
  /** Accuracy of the same on features of the tuned network. */
  tuned: number
  /** Accuracy of the softmax head that was trained together with the network. */
  softmax: number
  /** Standard error of `tuned - frozen`, from the images on which the two differ. */
  standardError: number
}

/** Options with their defaults filled in, except those that depend on the images. */
export interface Settings {
  reset: boolean
  epochs: number | undefined
  seconds: number | undefined
  activations: Precision
  store: ActivationStore | undefined
  batchSize: number
  learningRate: number
  optimizer: 'sgd' | 'adamw'
  momentum: number
  weightDecay: number
  schedule: 'cosine' | 'constant'
  labelSmoothing: number
  layerDecay: number
  /** `flip` and `cutMix` are `undefined` until the features of mirror images are known. */
  augment: { flip: boolean | undefined; shift: number; cutMix: number | undefined }
  shuffle: boolean
  validation: number
  refit: boolean
  joinFrozen: boolean
  randomState: number
}

/** The names of the options; the type makes sure that none is missing. */
const known: Record<keyof FineTuneOptions, true> = {
  from: true,
  reset: true,
  epochs: true,
  seconds: true,
  activations: true,
  store: true,
  batchSize: true,
  learningRate: true,
  optimizer: true,
  momentum: true,
  weightDecay: true,
  schedule: true,
  labelSmoothing: true,
  layerDecay: true,
  augment: true,
  shuffle: true,
  validation: true,
  groups: true,
  refit: true,
  joinFrozen: true,
  randomState: true,
  onUnreadable: true,
  signal: true,
  onProgress: true,
}

/**
 * Checks the options and fills in defaults.
 *
 * @param argument what the caller calls the options
 * @throws {SoftmarginError} `INVALID_ARGUMENT`
 */
export function checkFineTune(options: FineTuneOptions, argument = 'options'): Settings {
  checkKnownOptions(options, Object.keys(known), argument)
  const { optimizer = 'sgd', schedule = 'cosine', augment = {}, shuffle = true, reset = false } = options
  const { activations = 'float32', refit = true, joinFrozen = false, store } = options
  oneOf('optimizer', optimizer, ['sgd', 'adamw'])
  oneOf('schedule', schedule, ['cosine', 'constant'])
  oneOf('activations', activations, ['float32', 'float16'])
  if (typeof shuffle !== 'boolean') throw invalidArgument('shuffle', shuffle, 'true or false')
  if (typeof reset !== 'boolean') throw invalidArgument('reset', reset, 'true or false')
  if (store !== undefined && typeof (store as ActivationStore | null)?.keep !== 'function')
    throw invalidArgument('store', store, 'a FeatureStore')
  if (typeof refit !== 'boolean') throw invalidArgument('refit', refit, 'true or false')
  if (typeof joinFrozen !== 'boolean') throw invalidArgument('joinFrozen', joinFrozen, 'true or false')
  if (augment !== false) checkKnownOptions(augment, ['flip', 'shift', 'cutMix'], 'augment')
  const { flip, shift = 1 / 16, cutMix } = augment === false ? { flip: false, shift: 0, cutMix: 0 } : augment
  if (flip !== undefined && typeof flip !== 'boolean')
    throw invalidArgument('augment.flip', flip, 'true or false')
  if (options.epochs !== undefined && options.seconds !== undefined) {
    throw invalidArgument('seconds', options.seconds, 'left out where epochs is given')
  }
  const settings: Settings = {
    reset,
    epochs: options.epochs,
    seconds: options.seconds,
    activations,
    store,
    batchSize: options.batchSize ?? 32,
    learningRate: options.learningRate ?? (optimizer === 'sgd' ? 0.02 : 0.001),
    optimizer,
    momentum: options.momentum ?? 0.9,
    weightDecay: options.weightDecay ?? 5e-4,
    schedule,
    labelSmoothing: options.labelSmoothing ?? 0.05,
    layerDecay: options.layerDecay ?? (reset ? 1 : 0.8),
    augment: { flip, shift, cutMix },
    shuffle,
    validation: options.validation ?? 0.2,
    refit,
    joinFrozen,
    randomState: options.randomState ?? 0,
  }
  integer('epochs', settings.epochs ?? 1, 1, 100_000)
  integer('batchSize', settings.batchSize, 1, 65_536)
  integer('randomState', settings.randomState, 0, 0xffffffff)
  within('seconds', settings.seconds ?? 1, (n) => n > 0 && n < Infinity, 'a number above 0')
  within('learningRate', settings.learningRate, (n) => n > 0 && n < Infinity, 'a number above 0')
  within('momentum', settings.momentum, (n) => n >= 0 && n < 1, 'a number from 0 to below 1')
  within('weightDecay', settings.weightDecay, (n) => n >= 0 && n < Infinity, 'a number of 0 or more')
  within('labelSmoothing', settings.labelSmoothing, (n) => n >= 0 && n < 1, 'a number from 0 to below 1')
  within('layerDecay', settings.layerDecay, (n) => n > 0 && n <= 1, 'a number above 0, up to 1')
  within('augment.shift', shift, (n) => n >= 0 && n < 0.5, 'a number from 0 to below 0.5')
  within('augment.cutMix', cutMix ?? 0, (n) => n >= 0 && n <= 1, 'a number from 0 to 1')
  within('validation', settings.validation, (n) => n >= 0 && n <= 0.5, 'a number from 0 to 0.5')
  return settings
}

function oneOf(name: string, value: string, values: string[]): void {
  if (!values.includes(value))
    throw invalidArgument(name, value, values.map((one) => `'${one}'`).join(' or '))
}

function integer(name: string, value: number, low: number, high: number): void {
  if (Number.isSafeInteger(value) && value >= low && value <= high) return
  throw invalidArgument(name, value, `an integer from ${low} to ${high}`)
}

function within(name: string, value: number, isRight: (n: number) => boolean, expected: string): void {
  if (typeof value !== 'number' || !isRight(value)) throw invalidArgument(name, value, expected)
}

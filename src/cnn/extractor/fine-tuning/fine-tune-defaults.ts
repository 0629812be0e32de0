import { inferTensors } from '../../../onnx/shapes/infer.ts'
import type { LayerInfo } from '../../layers/layer-info.ts'
import { workOfStep } from '../../training/plan-training.ts'
import type { LoadedNetwork } from '../load-network.ts'
import { isTrainable, tailAbove } from './trainable-tail.ts'

/** Images of each class from which on lower layers may learn; with fewer, only what follows the last stage but one. */
const MANY_OF_A_CLASS = 75

/** Multiply-adds that a training may need by default: about ten minutes on one core, in the engine. */
const MAX_MULTIPLY_ADDS = 2e13

/** Passes over the images that a training makes if there is time. */
const MAX_EPOCHS = 15
/** Passes with CutMix, with which images are learnt by heart later. With fewer it was not tried. */
const MIXED_EPOCHS = 30
/** Passes below which a training from a lower layer is not worthwhile. */
const MIN_EPOCHS = 8

/** Share of the batches to which CutMix is applied if the caller does not say, in a training that it suits. */
export function defaultCutMix(epochs: number | undefined): number {
  return epochs !== undefined && epochs >= MIXED_EPOCHS ? 0.5 : 0
}

/**
 * Number of passes over the images if the caller does not say: as many as the time allows.
 *
 * @param mayMix whether CutMix suits the training, or was asked for
 */
export function defaultEpochs(parts: LoadedNetwork, from: string, images: number, mayMix: boolean): number {
  const fitting = Math.floor(MAX_MULTIPLY_ADDS / (workFrom(parts, from) * images))
  if (mayMix && fitting >= MIXED_EPOCHS) return MIXED_EPOCHS
  return Math.max(MIN_EPOCHS, Math.min(MAX_EPOCHS, fitting))
}

/** Number of trainings with so many passes over so many images that there is time for. */
export function trainingsThatFit(parts: LoadedNetwork, from: string, images: number, epochs: number): number {
  return Math.floor(MAX_MULTIPLY_ADDS / (workFrom(parts, from) * images * epochs))
}

/** The layer above which to learn if the caller does not say. */
export function defaultFrom(
  parts: LoadedNetwork,
  layers: LayerInfo[],
  images: number,
  classes: number,
): string {
  const { port, layer } = parts
  const before = layers.slice(
    0,
    layers.findIndex(({ name }) => name === layer.name),
  )
  const stages = before.filter(({ endsStage }) => endsStage).map(({ name }) => name)
  const candidates = [port.name, ...(stages.length > 0 ? stages : before.map(({ name }) => name))].filter(
    (name) => isTrainable(parts, name),
  )
  if (candidates.length === 0) return port.name
  const top = candidates[candidates.length - 1]
  if (images / classes < MANY_OF_A_CLASS) return top
  return candidates.find((name) => workFrom(parts, name) * images * MIN_EPOCHS <= MAX_MULTIPLY_ADDS) ?? top
}

/** Multiply-adds of a step for one image. */
function workFrom(parts: LoadedNetwork, from: string): number {
  const tail = tailAbove(parts, from, 1)
  const inputs = Object.fromEntries(tail.kept.map(({ name, dims }) => [name, dims]))
  return workOfStep(tail, inferTensors(tail.model, inputs))
}

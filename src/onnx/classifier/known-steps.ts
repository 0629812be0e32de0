import { TensorProto_DataType as DataType } from '../proto/onnx.ts'
import { backgroundSteps } from './background-steps.ts'
import type { Steps } from './graph-steps.ts'
import { ioNames } from './names.ts'
import { type KnownNumbers, knownNames as names } from './read-steps.ts'

/** Adds the output `known`, [N], to a graph that computes `features`. */
export function knownSteps(steps: Steps, known: KnownNumbers): void {
  const [features, classes] = [known.mean.length, known.offset.length]
  const exact = steps.step('known-double', 'Cast', [ioNames.features], { to: BigInt(DataType.DOUBLE) })
  const centred = steps.step('known-centred', 'Sub', [exact, steps.constant(names.mean, known.mean)])
  const single = steps.step('known-single', 'Cast', [centred], { to: BigInt(DataType.FLOAT) })
  const whiten = steps.constant(names.whiten, known.whiten, [features, features])
  const white = steps.step('known-white', 'MatMul', [single, whiten])
  const linear = steps.constant(names.linear, known.linear, [features, classes])
  const squares = steps.step('known-squares', 'Mul', [white, white])
  const ones = steps.constant('known-ones', new Float32Array(features).fill(1), [features, 1])
  const norm = steps.step('known-norm', 'MatMul', [squares, ones])
  const curved = steps.step('known-curved', 'Mul', [
    norm,
    steps.constant(names.quadratic, known.quadratic, [1, classes]),
  ])
  const straight = steps.step('known-straight', 'MatMul', [white, linear])
  const plain = steps.step('known-scores', 'Add', [
    steps.step('known-sum', 'Add', [curved, straight]),
    steps.constant(names.offset, known.offset),
  ])
  const { background } = known
  const scores = background ? backgroundSteps(steps, background, { exact, white, norm, ones, plain }) : plain
  // The maximum of each row, by an operator that is the same in all opsets.
  const planes = steps.constant('known-planes', BigInt64Array.of(-1n, 1n, BigInt(classes)))
  const most = steps.step('known-most', 'GlobalMaxPool', [
    steps.step('known-rows', 'Reshape', [scores, planes]),
  ])
  steps.finish(ioNames.known, 'Reshape', [most, steps.constant('known-shape', BigInt64Array.of(-1n))])
}

import type { Tuning } from '../../cnn/training/fine-tune-options.ts'

/** Describes in one or two lines what fine-tuning did and whether it helped. */
export function tuningText({
  kept,
  refit,
  from,
  epochs,
  learningRate,
  restarts,
  validation,
}: Tuning): string {
  const halved = restarts === 0 ? '' : `, rate halved to ${learningRate} since the loss diverged`
  const passes = Number(epochs.toFixed(1))
  const done = `CNN trained above ${from}, ${passes} ${passes === 1 ? 'epoch' : 'epochs'}${halved}`
  if (!validation) return done
  const { images, frozen, tuned, softmax, standardError } = validation
  const share = (value: number) => value.toFixed(3)
  const outcome = !kept
    ? 'not clearly better: the CNN stays as it was'
    : refit
      ? 'the CNN was trained again, on all images'
      : 'the trained CNN is kept'
  return `${done}\non ${images} images held out from it: ${share(frozen)} before, ${share(tuned)} after, +- ${share(standardError)} (softmax head ${share(softmax)}): ${outcome}`
}

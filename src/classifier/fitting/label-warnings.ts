import { show } from '../../core/errors.ts'
import { countCodes, encodeLabels } from '../../core/label-codes.ts'
import type { Label } from '../../core/labels.ts'

/** A class with fewer images than this gets a warning: five folds could not hold one each. */
const MIN_IMAGES = 5
/**
 * The ratio between the largest and the smallest class from which on there is a warning. With 100 photos of each of five
 * classes and 20 of each of five others, 77 % and 36 % of them were recognised; with 100 and 50, 74 % and 59 %.
 * `classWeight` hardly changed that.
 */
const MAX_RATIO = 5
/** The maximum number of classes that a warning names. */
const MAX_NAMED = 5

/**
 * Warns of labels that a classifier can learn little from: classes with few images, and classes with many more images
 * than others.
 *
 * @param onWarning default: a warning on the console
 */
export function warnOfLabels(
  labels: ArrayLike<Label>,
  onWarning: (message: string) => void = console.warn,
): void {
  const encoded = encodeLabels(labels, 'labels')
  const { classes } = encoded
  const counts = countCodes(encoded)
  const few = [...counts.keys()].filter((k) => counts[k] < MIN_IMAGES)
  if (few.length > 0) {
    const named = few.slice(0, MAX_NAMED).map((k) => `${show(classes[k])} has ${counts[k]}`)
    const rest = few.length > MAX_NAMED ? `, and ${few.length - MAX_NAMED} more` : ''
    const subject = few.length === 1 ? '1 class has' : `${few.length} classes have`
    onWarning(
      `${subject} fewer than ${MIN_IMAGES} images, which is little to learn from: ${named.join(', ')}${rest}`,
    )
  }
  const most = counts.indexOf(Math.max(...counts))
  const least = counts.indexOf(Math.min(...counts))
  if (counts[most] < MAX_RATIO * counts[least]) return
  const [frequent, rare] = [show(classes[most]), show(classes[least])]
  onWarning(
    `class ${frequent} has ${counts[most]} images and class ${rare} has ${counts[least]}: images of rare classes are often taken for frequent ones, so add images of the rare classes or leave out some of the frequent ones`,
  )
}

/**
 * Warns of a classifier whose CNN has learnt from all of its images, so that probabilities and the threshold of `unknown`
 * could be learnt from no others.
 *
 * @param onWarning default: a warning on the console
 */
export function warnOfSeenImages(onWarning: (message: string) => void = console.warn): void {
  onWarning(
    'the CNN has learnt from all of the images, on which everything looks clearer than it is, so probabilities will be too high and too few images will be refused as unknown; leave fineTune.validation above 0',
  )
}

import { show } from '../core/errors.ts'
import { countCodes, encodeLabels, type Label } from '../core/labels.ts'

/** Fewer images of a class than these are few: five folds cannot each have one. */
const FEW = 5
/**
 * Images of the most frequent class for each image of the rarest one, from which on classes are called uneven. With 100
 * photos of five classes and 20 of five others, 77 % and 36 % were recognised, with 50 still 74 % and 59 %; weights by
 * `classWeight` hardly changed that.
 */
const UNEVEN = 5
/** At most so many classes are named. */
const NAMED = 5

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
  const few = [...counts.keys()].filter((k) => counts[k] < FEW)
  if (few.length > 0) {
    const named = few.slice(0, NAMED).map((k) => `${show(classes[k])} has ${counts[k]}`)
    const rest = few.length > NAMED ? `, and ${few.length - NAMED} more` : ''
    const subject = few.length === 1 ? '1 class has' : `${few.length} classes have`
    onWarning(
      `${subject} fewer than ${FEW} images, which is little to learn from: ${named.join(', ')}${rest}`,
    )
  }
  const most = counts.indexOf(Math.max(...counts))
  const least = counts.indexOf(Math.min(...counts))
  if (counts[most] < UNEVEN * counts[least]) return
  const [frequent, rare] = [show(classes[most]), show(classes[least])]
  onWarning(
    `class ${frequent} has ${counts[most]} images and class ${rare} has ${counts[least]}: images of rare classes are often taken for frequent ones, so add images of the rare classes or leave out some of the frequent ones`,
  )
}

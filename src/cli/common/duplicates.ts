import type { DuplicateImages, ImageClassifier } from '../../classifier/image-classifier.ts'
import type { Side, Sides } from './hold-out.ts'
import type { SkippedPictures } from './skipped.ts'
import { progress, say } from './terminal.ts'

/** A pair of near-duplicates with the paths of its images. */
export interface DuplicatePaths {
  images: [string, string]
  labels: [string, string]
  similarity: number
}

/** Maximum number of pairs that are named. */
const MAX_NAMED_PAIRS = 5

/** The pairs with the paths of their images. @param read the images that could be read, as the classifier counts them */
export function duplicatePaths(pairs: readonly DuplicateImages[], read: readonly string[]): DuplicatePaths[] {
  return pairs.map(({ indices: [a, b], labels, similarity }) => ({
    images: [read[a], read[b]],
    labels: [String(labels[0]), String(labels[1])],
    similarity,
  }))
}

/** The paths that could be read. */
export function readPaths(paths: readonly string[], { list }: SkippedPictures): string[] {
  const skipped = new Set(list.map(({ image }) => image))
  return paths.filter((path) => !skipped.has(path))
}

/** The images of a side that could be read. */
export function readable({ paths, labels, groups }: Side, skipped: SkippedPictures): Side {
  const read = new Set(readPaths(paths, skipped))
  const isRead = (_: unknown, i: number) => read.has(paths[i])
  return { paths: paths.filter(isRead), labels: labels.filter(isRead), groups: groups?.filter(isRead) }
}

/** Reports held-out images that are near-duplicates of training images. */
export function tellLeaks(leaks: readonly DuplicatePaths[]): void {
  const held = new Set(leaks.map(({ images }) => images[1])).size
  if (held === 0) return
  for (const { images } of leaks.slice(0, MAX_NAMED_PAIRS))
    say(`${images[1]} is a near-duplicate of ${images[0]}`)
  const subject =
    held === 1 ? '1 held-out image is a near-duplicate' : `${held} held-out images are near-duplicates`
  say(`${subject} of training images, so that the hold-out accuracy may be too high`)
}

/** Reports images that are near-duplicates of images of another class, and how many others there are. */
export function tellDuplicates(pairs: readonly DuplicatePaths[]): void {
  const torn = pairs.filter(({ labels: [a, b] }) => a !== b)
  for (const { images, labels } of torn) {
    say(
      `${images[0]} (${labels[0]}) and ${images[1]} (${labels[1]}) are near-duplicates with different labels`,
    )
  }
  const same = pairs.length - torn.length
  if (same === 0) return
  say(
    same === 1
      ? '1 pair of near-duplicates has one label'
      : `${same} pairs of near-duplicates have one label each`,
  )
}

/** The held-out images that are near-duplicates of training images. */
export async function findLeaks(
  classifier: Pick<ImageClassifier, 'nearDuplicates'>,
  trained: number,
  { train, test }: Sides,
  skipped: SkippedPictures,
  signal: AbortSignal,
): Promise<DuplicatePaths[]> {
  const pairs = await classifier.nearDuplicates({ signal, onProgress: progress.update })
  const read = readPaths([...train.paths, ...test.paths], skipped)
  const leaks = pairs.filter(({ indices: [a, b] }) => a < trained && b >= trained)
  return duplicatePaths(leaks, read)
}

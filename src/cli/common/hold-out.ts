import { SoftmarginError, show } from '../../core/errors.ts'
import type { LabelledFolder } from '../../host/folders/labelled-folder.ts'
import { trainTestSplit } from '../../model-selection/splits/train-test-split.ts'
import { checkTwoGroups } from './groups-option.ts'
import { say } from './terminal.ts'

/** The images for training and those for evaluation. */
export interface Sides {
  train: Side
  test: Side
}

/** Images with their labels and, if there are groups, the group of each. */
export interface Side {
  paths: string[]
  labels: string[]
  groups?: string[] | undefined
}

/**
 * Holds out a share of the images of each class (a stratified split).
 *
 * Reports classes with too few images to hold any out. A class with a single image is an error, since it cannot be in
 * both parts.
 *
 * @param groups the group of each image; no group is divided
 * @param testSize the share to hold out, 0 for none
 * @throws {SoftmarginError} `ONE_CLASS`, `TOO_FEW_ROWS`
 */
export function holdOut(
  { paths, labels, groups }: Pick<LabelledFolder, 'paths' | 'labels'> & { groups?: string[] | undefined },
  { testSize, seed }: { testSize: number; seed: number },
): Sides {
  const counts = new Map<string, number>()
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1)
  if (counts.size < 2) {
    const message = `a classifier needs pictures of at least two classes, but all ${labels.length} have the class ${show(labels[0])}`
    throw new SoftmarginError('ONE_CLASS', message, {
      argument: 'pictures',
      expected: 'at least two classes',
    })
  }
  const rare = [...counts.keys()].filter((label) => counts.get(label) === 1)
  if (testSize === 0) {
    return { train: { paths, labels, groups }, test: { paths: [], labels: [], groups: groups && [] } }
  }
  if (rare.length > 0) {
    const names = rare.slice(0, 5).map(show).join(', ')
    throw tooFew(
      `each class must have at least 2 pictures, one for training and one to hold out, but ${names}${rare.length > 5 ? ` and ${rare.length - 5} more` : ''} ${rare.length === 1 ? 'has' : 'have'} only one; add pictures, remove the class, or hold out nothing with --test-size 0`,
    )
  }
  const test = Math.ceil(testSize * labels.length)
  if (Math.min(test, labels.length - test) < counts.size) {
    throw tooFew(
      `--test-size ${testSize} holds out ${test} of ${labels.length} pictures, but each of the ${counts.size} classes needs one for training and one to hold out; choose another share, or add pictures`,
    )
  }
  if (groups) checkTwoGroups(labels, groups)
  const sides = trainTestSplit(paths, labels, { testSize, stratify: true, randomState: seed, groups })
  const judged = new Set(sides.yTest)
  for (const [label, count] of counts) {
    if (!judged.has(label)) {
      say(
        `class ${show(label)} has only ${count} pictures, so none is held out and the report cannot evaluate it`,
      )
    }
  }
  const side = (rows: Int32Array): Side => ({
    paths: Array.from(rows, (row) => paths[row]),
    labels: Array.from(rows, (row) => labels[row]),
    groups: groups && Array.from(rows, (row) => groups[row]),
  })
  return { train: side(sides.trainRows), test: side(sides.testRows) }
}

function tooFew(message: string): SoftmarginError {
  return new SoftmarginError('TOO_FEW_ROWS', message, { argument: 'pictures' })
}

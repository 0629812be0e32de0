import { SoftmarginError } from '../../core/errors.ts'
import { formatsOf, hint, type LabelledFolder } from './folder.ts'
import { say } from './terminal.ts'

/** A picture that could not be used, and why. */
export interface SkippedPicture {
  image: string
  code: string
  reason: string
}

/** Keeps the pictures that could not be read; each is named at once, and the number of them at the end. */
export class SkippedPictures {
  readonly list: SkippedPicture[] = []
  #told = 0

  /** What to hand to a classifier as `onUnreadable` for these pictures. */
  for(paths: readonly string[]): (index: number, error: SoftmarginError) => void {
    return (index, { code, message }) => {
      // The message says which argument of the call it was; here it is said before.
      const reason = message.replace(/^images\[\d+\]( \('.*?'\))?/, 'it')
      this.list.push({ image: paths[index], code, reason })
      say(`skipped ${paths[index]}: ${reason}`)
    }
  }

  /** Says how many there are, if any, once. */
  sum(total: number): void {
    const count = this.list.length
    if (count === this.#told) return
    this.#told = count
    say(`${count} of ${total} images could not be read and were skipped`)
  }

  /** @throws {SoftmarginError} `EMPTY_INPUT` if nothing is left of `total` pictures */
  conclude(total: number): void {
    const count = this.list.length
    if (count === 0) return
    if (count < total) {
      this.sum(total)
      return
    }
    throw new SoftmarginError('EMPTY_INPUT', `none of the ${total} images could be read`, {
      argument: 'images',
      received: count,
      expected: 'at least one image that can be read',
    })
  }
}

/** Names what a listed folder holds besides pictures in class folders. */
export async function tellWhatIsLeftOut({
  emptyFolders,
  otherFiles,
}: Pick<LabelledFolder, 'emptyFolders' | 'otherFiles'>): Promise<void> {
  for (const folder of emptyFolders) say(`left out ${folder}: it holds no .png, .jpg or .jpeg file`)
  if (otherFiles.length === 0) return
  const [first] = otherFiles
  const what =
    otherFiles.length === 1
      ? `1 file that is no .png, .jpg or .jpeg: ${first}`
      : `${otherFiles.length} files that are no .png, .jpg or .jpeg, such as ${first}`
  const formats = await formatsOf(otherFiles)
  say(`left out ${what}${formats.length > 0 ? ` (${formats.join(', ')}, ${hint(formats)})` : ''}`)
}

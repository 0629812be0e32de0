import { SoftmarginError } from '../../core/errors.ts'
import { formatsOf, hint, type LabelledFolder } from '../../host/folders/labelled-folder.ts'
import { endings } from '../../host/folders/picture-names.ts'
import { say } from './terminal.ts'

/** An image that was skipped, and the reason. */
export interface SkippedPicture {
  image: string
  code: string
  reason: string
}

/** Collects images that could not be read. Each is reported at once, and their number at the end. */
export class SkippedPictures {
  readonly list: SkippedPicture[] = []
  #told = 0

  /** Returns a handler for `onUnreadable` for these images. */
  for(paths: readonly string[]): (index: number, error: SoftmarginError) => void {
    return (index, { code, message }) => {
      // Replace the prefix that names the argument of the call, since this line already names the image.
      const reason = message.replace(/^images\[\d+\]( \('.*?'\))?/, 'it')
      this.list.push({ image: paths[index], code, reason })
      say(`skipped ${paths[index]}: ${reason}`)
    }
  }

  /** Prints how many images were skipped, if any, and only once for the same number. */
  sum(total: number): void {
    const count = this.list.length
    if (count === this.#told) return
    this.#told = count
    say(`${count} of ${total} images could not be read and were skipped`)
  }

  /**
   * Prints the number of skipped images. @throws {SoftmarginError} `EMPTY_INPUT` if none of `total` images is left
   */
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

/** Reports what a listed folder contains besides images in class folders. */
export async function tellWhatIsLeftOut({
  emptyFolders,
  otherFiles,
}: Pick<LabelledFolder, 'emptyFolders' | 'otherFiles'>): Promise<void> {
  for (const folder of emptyFolders) say(`skipped ${folder}: it contains no file that ends in ${endings}`)
  if (otherFiles.length === 0) return
  const [first] = otherFiles
  const what =
    otherFiles.length === 1
      ? `1 file that does not end in ${endings}: ${first}`
      : `${otherFiles.length} files that do not end in ${endings}, such as ${first}`
  const formats = await formatsOf(otherFiles)
  say(`skipped ${what}${formats.length > 0 ? ` (${formats.join(', ')}, ${hint(formats)})` : ''}`)
}

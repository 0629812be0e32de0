import { SoftmarginError } from '../errors.ts'
import type { LabelledFolder } from './folder.ts'
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

  /** What to hand to a classifier as `onUnreadable` for these pictures. */
  for(paths: readonly string[]): (index: number, error: SoftmarginError) => void {
    return (index, { code, message }) => {
      this.list.push({ image: paths[index], code, reason: message })
      say(`skipped ${paths[index]}: ${message}`)
    }
  }

  /** @throws {SoftmarginError} `EMPTY_INPUT` if nothing is left of `total` pictures */
  conclude(total: number): void {
    const count = this.list.length
    if (count === 0) return
    if (count < total) {
      say(`${count} of ${total} images could not be read and were skipped`)
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
export function tellWhatIsLeftOut({
  emptyFolders,
  otherFiles,
}: Pick<LabelledFolder, 'emptyFolders' | 'otherFiles'>): void {
  for (const folder of emptyFolders) say(`left out ${folder}: it holds no PNG or JPEG file`)
  if (otherFiles.length > 0) {
    say(`left out ${otherFiles.length} files that are no .png, .jpg or .jpeg, such as ${otherFiles[0]}`)
  }
}

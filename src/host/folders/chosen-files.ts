// Lists the pictures of a folder that the user of a page has chosen with `<input type="file" webkitdirectory>`.

import { SoftmarginError } from '../../core/errors.ts'
import { isPictureName } from './picture-names.ts'

/** A chosen `File`. A type alias, because an interface cannot extend `Blob` where a host does not declare it. */
export type ChosenFile = Blob & {
  readonly name: string
  /** The path from the chosen folder on, such as `pictures/cat/1.jpg`; empty for files that were chosen one by one. */
  readonly webkitRelativePath: string
}

/** A `FileList`, or an array of its files. */
export type ChosenFiles = ArrayLike<ChosenFile>

/** Whether a value is a list of files; it may be empty. */
export function isChosenFiles(value: unknown): value is ChosenFiles {
  if (typeof value !== 'object' || value === null) return false
  if (!Array.isArray(value) && Object.prototype.toString.call(value) !== '[object FileList]') return false
  return Array.from(value as ArrayLike<unknown>).every(
    (file) => Object.prototype.toString.call(file) === '[object File]',
  )
}

/**
 * Lists the pictures in the sub-folders of the chosen folder, and the name of the sub-folder of each; pictures may be nested at
 * any depth. Hidden files and files without the extension of a picture are left out. The list is sorted by path.
 *
 * @throws {SoftmarginError} `EMPTY_INPUT` if no sub-folder has a picture
 */
export function listChosenFiles(chosen: ChosenFiles): { files: ChosenFile[]; labels: string[] } {
  const entries = Array.from(chosen, (file) => {
    // A path that a script has made may lack the property.
    const [, label, ...inside] = (file.webkitRelativePath ?? '').split('/')
    return { file, label, inside }
  })
  const pictures = entries.filter(
    ({ file, label, inside }) =>
      inside.length > 0 &&
      isPictureName(file.name) &&
      ![label, ...inside].some((name) => name.startsWith('.')),
  )
  if (pictures.length === 0) {
    const expected = 'files of a folder that has one sub-folder for each class, with pictures in it'
    const message = `folder must contain ${expected}, but none of its ${entries.length} files is one; let the user choose a folder (<input type="file" webkitdirectory>)`
    throw new SoftmarginError('EMPTY_INPUT', message, {
      argument: 'folder',
      received: entries.length,
      expected,
    })
  }
  const pathOf = ({ label, inside }: (typeof pictures)[number]) => [label, ...inside].join('/')
  pictures.sort((a, b) => (pathOf(a) < pathOf(b) ? -1 : 1))
  return { files: pictures.map(({ file }) => file), labels: pictures.map(({ label }) => label) }
}

// Lists labelled images from a folder or a CSV file.

import { stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { SoftmarginError, show } from '../../core/errors.ts'
import { describeFileType } from '../../core/file-type.ts'
import { csvRecords } from '../../data/csv.ts'
import { type LabelledFolder, listLabelledFolder, listPictures } from '../../host/folders/labelled-folder.ts'
import { isUrl, readBytes } from '../../host/storage/read-bytes.ts'

/** The help text for an argument that `listLabelled` reads. */
export const labelledHelp =
  'folder with one sub-folder for each class, or CSV file with the columns path and label'

/**
 * Lists images and their classes, from a folder with one sub-folder per class or from a CSV file, whose paths are
 * relative to the folder of the file.
 *
 * @throws {SoftmarginError} `FILE_UNREADABLE`, `DATA_UNREADABLE`; `EMPTY_INPUT` if there is no image
 */
export async function listLabelled(path: string): Promise<LabelledFolder> {
  return (await isFile(path)) ? listCsv(path) : listLabelledFolder(path)
}

/** As `listLabelled`, but a folder without class folders gives its images without labels. */
export async function listAny(path: string): Promise<Omit<LabelledFolder, 'labels'> & { labels?: string[] }> {
  try {
    return await listLabelled(path)
  } catch (error) {
    if (!(error instanceof SoftmarginError) || error.code !== 'EMPTY_INPUT' || (await isFile(path)))
      throw error
    const { pictures, others } = await listPictures(path)
    if (pictures.length === 0) throw error
    return { paths: pictures, emptyFolders: [], otherFiles: others }
  }
}

/** Whether there is a file of that path. */
export async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  )
}

async function listCsv(file: string): Promise<LabelledFolder> {
  const list: LabelledFolder = { paths: [], labels: [], emptyFolders: [], otherFiles: [] }
  const labelOf = new Map<string, string>()
  let row = 0
  for await (const { path, label } of recordsOf(file)) {
    row++
    if (path === undefined || label === undefined) {
      throw csvFault(file, 'must have the columns path and label in its first line')
    }
    if (path === '' || label === '') {
      throw csvFault(
        file,
        `must have a path and a label in each row, but row ${row} has no ${path === '' ? 'path' : 'label'}`,
      )
    }
    const place = isUrl(path) ? path : resolve(dirname(file), path)
    const before = labelOf.get(place)
    if (before !== undefined) {
      throw csvFault(
        file,
        `must list each picture once, but lists ${show(path)} twice, as ${show(before)} and as ${show(label)}`,
      )
    }
    labelOf.set(place, label)
    list.paths.push(place)
    list.labels.push(label)
  }
  if (list.paths.length > 0) return list
  const message = `the CSV file ${show(file)} must list at least one picture, but lists none`
  throw new SoftmarginError('EMPTY_INPUT', message, { argument: 'pictures', received: file })
}

/** Yields the records of a CSV file; errors name the file. */
export async function* recordsOf(file: string): AsyncGenerator<Partial<Record<string, string>>> {
  try {
    yield* csvRecords(file)
  } catch (error) {
    if (!(error instanceof SoftmarginError) || error.code !== 'DATA_UNREADABLE') throw error
    const what = describeFileType((await readBytes(file, 'pictures')).subarray(0, 512))
    const why = what === 'a text file' ? error.message.replace(/^source/, 'it') : `it is ${what}`
    throw csvFault(file, `cannot be read: ${why}`, error)
  }
}

/** An error that names a CSV file. */
export function csvFault(file: string, why: string, cause?: unknown, argument = 'pictures'): SoftmarginError {
  const expected = 'a folder of class folders, or a CSV file with the columns path and label'
  const message = `the CSV file ${show(file)} ${why}`
  return new SoftmarginError('DATA_UNREADABLE', message, {
    ...{ argument, received: file, expected, cause },
  })
}

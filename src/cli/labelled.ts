import { stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { csvRecords } from '../data/csv.ts'
import { SoftmarginError, show } from '../errors.ts'
import { isUrl } from '../host/bytes.ts'
import { type LabelledFolder, listLabelledFolder, listPictures } from './folder.ts'

/** What the help says of an argument that `listLabelled` reads. */
export const labelledHelp = 'folder with one sub-folder a class, or CSV file with the columns path and label'

/**
 * Pictures and their classes: of a folder of class folders, or of a CSV file, whose paths are taken from the folder
 * that it lies in.
 *
 * @throws {SoftmarginError} `FILE_UNREADABLE`, `DATA_UNREADABLE`; `EMPTY_INPUT` if there is no picture
 */
export async function listLabelled(path: string): Promise<LabelledFolder> {
  return (await isFile(path)) ? listCsv(path) : listLabelledFolder(path)
}

/** The same, and pictures without classes from a folder that has no class folders. */
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

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  )
}

async function listCsv(file: string): Promise<LabelledFolder> {
  const list: LabelledFolder = { paths: [], labels: [], emptyFolders: [], otherFiles: [] }
  for await (const { path, label } of csvRecords(file)) {
    if (path === undefined || label === undefined) {
      const message = `the CSV file ${show(file)} must have the columns path and label in its first line`
      throw new SoftmarginError('DATA_UNREADABLE', message, { argument: 'pictures', received: file })
    }
    list.paths.push(isUrl(path) ? path : resolve(dirname(file), path))
    list.labels.push(label)
  }
  if (list.paths.length > 0) return list
  const message = `the CSV file ${show(file)} must name at least one picture, but names none`
  throw new SoftmarginError('EMPTY_INPUT', message, { argument: 'pictures', received: file })
}

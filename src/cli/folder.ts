import { readdir } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { SoftmarginError, show } from '../errors.ts'

/** Pictures in class folders: `paths[i]` is a picture of class `labels[i]`. */
export interface LabelledFolder {
  paths: string[]
  labels: string[]
  /** Class folders that hold no picture. */
  emptyFolders: string[]
  /** Files that are neither `.png` nor `.jpg` nor `.jpeg`. */
  otherFiles: string[]
}

const pictureEndings = new Set(['.png', '.jpg', '.jpeg'])

/**
 * Lists a folder whose sub-folders are named after classes and hold their pictures, at any depth.
 *
 * Sorted by name, so that the same folder always gives the same list. Hidden files are passed over.
 *
 * @throws {SoftmarginError} `FILE_UNREADABLE`; `EMPTY_INPUT` if there is no picture in any sub-folder
 */
export async function listLabelledFolder(folder: string): Promise<LabelledFolder> {
  const list: LabelledFolder = { paths: [], labels: [], emptyFolders: [], otherFiles: [] }
  for (const { name, isFolder } of await entries(folder)) {
    const path = join(folder, name)
    if (!isFolder) {
      list.otherFiles.push(path)
      continue
    }
    const { pictures, others } = await listPictures(path)
    if (pictures.length === 0) list.emptyFolders.push(path)
    for (const picture of pictures) {
      list.paths.push(picture)
      list.labels.push(name)
    }
    list.otherFiles.push(...others)
  }
  if (list.paths.length > 0) return list
  throw new SoftmarginError(
    'EMPTY_INPUT',
    `the folder ${show(folder)} must hold one sub-folder a class with PNG or JPEG files in it, but holds no such file`,
    { argument: 'folder', received: folder, expected: 'class folders with pictures' },
  )
}

/** The pictures of a folder and of the folders in it. */
export async function listPictures(folder: string): Promise<{ pictures: string[]; others: string[] }> {
  const found = { pictures: [] as string[], others: [] as string[] }
  for (const { name, isFolder } of await entries(folder)) {
    const path = join(folder, name)
    if (isFolder) {
      const inner = await listPictures(path)
      found.pictures.push(...inner.pictures)
      found.others.push(...inner.others)
    } else if (pictureEndings.has(extname(name).toLowerCase())) found.pictures.push(path)
    else found.others.push(path)
  }
  return found
}

async function entries(folder: string): Promise<{ name: string; isFolder: boolean }[]> {
  try {
    const all = await readdir(folder, { withFileTypes: true })
    return all
      .filter(({ name }) => !name.startsWith('.'))
      .map((entry) => ({ name: entry.name, isFolder: entry.isDirectory() }))
      .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  } catch (cause) {
    throw new SoftmarginError(
      'FILE_UNREADABLE',
      `the folder ${show(folder)} cannot be read: ${(cause as Error).message}`,
      { argument: 'folder', received: folder, expected: 'a folder that can be read', cause },
    )
  }
}

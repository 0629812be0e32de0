// Lists images in folders, with the class of each taken from the name of its folder.

import { SoftmarginError, show } from '../../core/errors.ts'
import { describeFileType } from '../../core/file-type.ts'
import { importBuiltin } from '../platform/builtins.ts'
import { endings, isPictureName } from './picture-names.ts'

/** Labelled images: `paths[i]` is an image of class `labels[i]`. */
export interface LabelledFolder {
  paths: string[]
  labels: string[]
  /** Class folders without images. */
  emptyFolders: string[]
  /** Files without the extension of a picture. */
  otherFiles: string[]
}

/**
 * Lists the images of a folder that has one sub-folder per class; images may be nested at any depth.
 *
 * The list is sorted by name, so that the same folder always gives the same list. Hidden files are skipped, symbolic
 * links are followed.
 *
 * @throws {SoftmarginError} `FILE_UNREADABLE`; `EMPTY_INPUT` if no sub-folder has an image
 */
export async function listLabelledFolder(folder: string): Promise<LabelledFolder> {
  const { join } = await importBuiltin('node:path')
  const list: LabelledFolder = { paths: [], labels: [], emptyFolders: [], otherFiles: [] }
  const above = [await trueName(folder)]
  for (const { name, kind } of await entries(folder, above)) {
    const path = join(folder, name)
    if (kind !== 'folder') {
      list.otherFiles.push(path)
      continue
    }
    const { pictures, others } = await listPictures(path, above)
    if (pictures.length === 0) list.emptyFolders.push(path)
    for (const picture of pictures) {
      list.paths.push(picture)
      list.labels.push(name)
    }
    list.otherFiles.push(...others)
  }
  if (list.paths.length > 0) return list
  throw await withoutPictures(folder, list)
}

/**
 * Lists the images of a folder and its sub-folders.
 *
 * @param above the real paths of the parent folders: a link to one of them, or to a folder that contains one, is not
 *   followed, since it would form a cycle
 */
export async function listPictures(
  folder: string,
  above: readonly string[] = [],
): Promise<{ pictures: string[]; others: string[] }> {
  const { join } = await importBuiltin('node:path')
  const found = { pictures: [] as string[], others: [] as string[] }
  const path = [...above, await trueName(folder)]
  for (const { name, kind } of await entries(folder, path)) {
    const inside = join(folder, name)
    if (kind === 'folder') {
      const inner = await listPictures(inside, path)
      found.pictures.push(...inner.pictures)
      found.others.push(...inner.others)
    } else if (kind === 'file' && isPictureName(name)) found.pictures.push(inside)
    else found.others.push(inside)
  }
  return found
}

/** Describes the formats of files, detected by their first bytes: `'5 WebP images'`. At most 100 files are read. */
export async function formatsOf(files: readonly string[]): Promise<string[]> {
  const counts = new Map<string, number>()
  for (const file of files.slice(0, 100)) {
    const format = describeFileType(await firstBytes(file))
    const image = /^an? (\w+(?: XL)?) (image|drawing)$/.exec(format)
    if (image) counts.set(`${image[1]} ${image[2]}`, (counts.get(`${image[1]} ${image[2]}`) ?? 0) + 1)
  }
  return [...counts].map(([format, count]) => `${count} ${format}${count === 1 ? '' : 's'}`)
}

async function withoutPictures(folder: string, list: LabelledFolder): Promise<SoftmarginError> {
  const expected = 'one sub-folder for each class, with pictures in it'
  const flat = list.otherFiles.filter((file) => isPictureName(file)).length
  const formats = await formatsOf(list.otherFiles)
  const why =
    flat > 0
      ? `but its ${flat} pictures are not in sub-folders; create a folder for each class and move them there`
      : formats.length > 0
        ? `but contains ${formats.join(', ')}, ${hint(formats)}`
        : 'but contains no such file'
  const message = `the folder ${show(folder)} must contain ${expected}, ${why}`
  return new SoftmarginError('EMPTY_INPUT', message, { argument: 'folder', received: folder, expected })
}

/** Returns advice for files of these formats. */
export function hint(formats: readonly string[]): string {
  return formats.every((format) => /(PNG|JPEG|WebP|AVIF|GIF|BMP) image/.test(format))
    ? `whose names do not end in ${endings}; rename them`
    : 'which are not supported; convert the files to PNG or JPEG, for example with "mogrify -format png FILES" (ImageMagick)'
}

async function firstBytes(file: string): Promise<Uint8Array> {
  const { open, stat } = await importBuiltin('node:fs/promises')
  try {
    // Only regular files: opening a pipe would block until something writes to it.
    if (!(await stat(file)).isFile()) return new Uint8Array(0)
    const handle = await open(file)
    try {
      const { buffer, bytesRead } = await handle.read(new Uint8Array(512), 0, 512, 0)
      return buffer.subarray(0, bytesRead)
    } finally {
      await handle.close()
    }
  } catch {
    return new Uint8Array(0)
  }
}

interface Entry {
  name: string
  kind: 'folder' | 'file' | 'other'
}

/** Lists a folder. Follows links, except those that lead back to a parent; skips hidden names. */
async function entries(folder: string, above: readonly string[]): Promise<Entry[]> {
  const { readdir, stat } = await importBuiltin('node:fs/promises')
  const { join } = await importBuiltin('node:path')
  const names = await readdir(folder).catch((cause) => {
    throw unreadable(folder, cause)
  })
  const found: Entry[] = []
  for (const name of names.filter((each) => !each.startsWith('.'))) {
    const path = join(folder, name)
    // A broken link counts as a file; reading it reports the error.
    const facts = await stat(path).catch(() => undefined)
    if (!facts) found.push({ name, kind: 'file' })
    else if (!facts.isDirectory()) found.push({ name, kind: facts.isFile() ? 'file' : 'other' })
    else if (!(await leadsBackUp(path, above))) found.push({ name, kind: 'folder' })
  }
  return found.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
}

/** Whether a folder is one of the parent folders or contains one of them. */
async function leadsBackUp(folder: string, above: readonly string[]): Promise<boolean> {
  const { sep } = await importBuiltin('node:path')
  const target = await trueName(folder)
  return above.some((one) => one === target || one.startsWith(target.endsWith(sep) ? target : target + sep))
}

async function trueName(folder: string): Promise<string> {
  const { realpath } = await importBuiltin('node:fs/promises')
  return realpath(folder).catch((cause) => {
    throw unreadable(folder, cause)
  })
}

function unreadable(folder: string, cause: Error): SoftmarginError {
  return new SoftmarginError(
    'FILE_UNREADABLE',
    `the folder ${show(folder)} cannot be read: ${cause.message}`,
    { argument: 'folder', received: folder, expected: 'a folder that can be read', cause },
  )
}

import { open, readdir, realpath, stat } from 'node:fs/promises'
import { extname, join, sep } from 'node:path'
import { SoftmarginError, show } from '../../core/errors.ts'
import { describeFileType } from '../../core/file-type.ts'

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
 * Sorted by name, so that the same folder always gives the same list. Hidden files are passed over, symbolic links are
 * followed.
 *
 * @throws {SoftmarginError} `FILE_UNREADABLE`; `EMPTY_INPUT` if there is no picture in any sub-folder
 */
export async function listLabelledFolder(folder: string): Promise<LabelledFolder> {
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
 * The pictures of a folder and of the folders in it.
 *
 * @param above the true names of the folders that it lies in: a link to one of them, or to what holds them, is not followed
 */
export async function listPictures(
  folder: string,
  above: readonly string[] = [],
): Promise<{ pictures: string[]; others: string[] }> {
  const found = { pictures: [] as string[], others: [] as string[] }
  const path = [...above, await trueName(folder)]
  for (const { name, kind } of await entries(folder, path)) {
    const inside = join(folder, name)
    if (kind === 'folder') {
      const inner = await listPictures(inside, path)
      found.pictures.push(...inner.pictures)
      found.others.push(...inner.others)
    } else if (kind === 'file' && pictureEndings.has(extname(name).toLowerCase())) found.pictures.push(inside)
    else found.others.push(inside)
  }
  return found
}

/** What files are, judged by their first bytes: `'5 WebP images'`; of many files the first hundred are looked at. */
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
  const expected = 'one sub-folder a class with PNG or JPEG files in it'
  const flat = list.otherFiles.filter((file) => pictureEndings.has(extname(file).toLowerCase())).length
  const formats = await formatsOf(list.otherFiles)
  const why =
    flat > 0
      ? `but its ${flat} pictures lie in no sub-folder: make a folder for each class and move them there`
      : formats.length > 0
        ? `but holds ${formats.join(', ')}, ${hint(formats)}`
        : 'but holds no such file'
  const message = `the folder ${show(folder)} must hold ${expected}, ${why}`
  return new SoftmarginError('EMPTY_INPUT', message, { argument: 'folder', received: folder, expected })
}

/** What to do about files of these formats. */
export function hint(formats: readonly string[]): string {
  return formats.every((format) => /(PNG|JPEG) image/.test(format))
    ? 'whose names do not end in .png, .jpg or .jpeg: rename them'
    : 'but only PNG and JPEG are supported yet: convert the files, for example by "mogrify -format png FILES" of ImageMagick'
}

async function firstBytes(file: string): Promise<Uint8Array> {
  try {
    // Whoever opens a pipe waits for somebody to write into it.
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

/** What a folder holds, links followed, but for hidden names and for links that lead back up. */
async function entries(folder: string, above: readonly string[]): Promise<Entry[]> {
  const names = await readdir(folder).catch((cause) => {
    throw unreadable(folder, cause)
  })
  const found: Entry[] = []
  for (const name of names.filter((each) => !each.startsWith('.'))) {
    const path = join(folder, name)
    // A link to nowhere is a file that cannot be read: it is told where it is read.
    const facts = await stat(path).catch(() => undefined)
    if (!facts) found.push({ name, kind: 'file' })
    else if (!facts.isDirectory()) found.push({ name, kind: facts.isFile() ? 'file' : 'other' })
    else if (!(await leadsBackUp(path, above))) found.push({ name, kind: 'folder' })
  }
  return found.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
}

/** Whether a folder is one of those above, or holds one of them. */
async function leadsBackUp(folder: string, above: readonly string[]): Promise<boolean> {
  const target = await trueName(folder)
  return above.some((one) => one === target || one.startsWith(target.endsWith(sep) ? target : target + sep))
}

async function trueName(folder: string): Promise<string> {
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

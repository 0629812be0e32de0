// Lists the pictures of a folder that a page has access to (File System API).

import { SoftmarginError, show } from '../../core/errors.ts'
import { isPictureName } from './picture-names.ts'

/** A `FileSystemDirectoryHandle`. Not all type definitions declare how its entries are listed. */
export interface DirectoryHandle {
  readonly kind: 'directory'
  readonly name: string
}

interface ListedHandle extends DirectoryHandle {
  values(): AsyncIterable<DirectoryHandle | FileHandle>
}

/** The part of a `FileSystemFileHandle` that is used here. */
interface FileHandle {
  readonly kind: 'file'
  readonly name: string
  getFile(): Promise<Blob>
}

/**
 * Lists the pictures of a folder that has one sub-folder per class; pictures may be nested at any depth. Hidden files and
 * files without the extension of a picture are left out. The list is sorted by name.
 *
 * @throws {SoftmarginError} `EMPTY_INPUT` if no sub-folder has a picture; `FILE_UNREADABLE`
 */
export async function listLabelledHandle(
  folder: DirectoryHandle,
): Promise<{ files: Blob[]; labels: string[] }> {
  const list = { files: [] as Blob[], labels: [] as string[] }
  try {
    for (const entry of await entriesOf(folder)) {
      if (entry.kind !== 'directory') continue
      for (const file of await picturesOf(entry)) {
        list.files.push(await file.getFile())
        list.labels.push(entry.name)
      }
    }
  } catch (cause) {
    const expected = 'a folder that can be read'
    const message = `the folder ${show(folder.name)} cannot be read: ${cause instanceof Error ? cause.message : cause}`
    throw new SoftmarginError('FILE_UNREADABLE', message, {
      argument: 'folder',
      received: folder.name,
      expected,
      cause,
    })
  }
  if (list.files.length > 0) return list
  const expected = 'one sub-folder for each class, with pictures in it'
  const message = `the folder ${show(folder.name)} must contain ${expected}, but contains none`
  throw new SoftmarginError('EMPTY_INPUT', message, { argument: 'folder', received: folder.name, expected })
}

async function picturesOf(folder: DirectoryHandle): Promise<FileHandle[]> {
  const found: FileHandle[] = []
  for (const entry of await entriesOf(folder)) {
    if (entry.kind === 'directory') found.push(...(await picturesOf(entry)))
    else if (isPictureName(entry.name)) found.push(entry)
  }
  return found
}

async function entriesOf(folder: DirectoryHandle): Promise<(DirectoryHandle | FileHandle)[]> {
  const entries: (DirectoryHandle | FileHandle)[] = []
  for await (const entry of (folder as ListedHandle).values())
    if (!entry.name.startsWith('.')) entries.push(entry)
  return entries.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
}

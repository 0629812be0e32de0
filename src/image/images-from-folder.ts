import { invalidArgument, SoftmarginError } from '../core/errors.ts'
import { type ChosenFiles, isChosenFiles, listChosenFiles } from '../host/folders/chosen-files.ts'
import { type DirectoryHandle, listLabelledHandle } from '../host/folders/directory-handle.ts'
import { listLabelledFolder } from '../host/folders/labelled-folder.ts'
import { hasFileSystem, importBuiltin } from '../host/platform/builtins.ts'

/**
 * Lists the pictures of a folder that has one sub-folder per class, such as `pictures/cat/1.jpg`, as the command line does:
 * sorted by name, nested at any depth, links followed. Hidden files and files with an extension other than `.png`,
 * `.jpg`, `.jpeg`, `.webp`, `.avif`, `.gif` or `.bmp` are left out. The pictures are not opened.
 *
 * @param folder a path or a `file:` URL
 * @returns paths, and the name of the sub-folder of each
 * @throws {SoftmarginError} `FILE_UNREADABLE`; `EMPTY_INPUT` if no sub-folder has a picture; `HOST_UNSUPPORTED` on hosts
 *   without files
 */
export async function imagesFromFolder(folder: string | URL): Promise<{ images: string[]; labels: string[] }>
/**
 * The same for a folder that the user of a page has chosen (`showDirectoryPicker()`), or one in the page's own file
 * system.
 *
 * @returns files, which are read when an image is needed, and the name of the sub-folder of each
 */
export async function imagesFromFolder(folder: DirectoryHandle): Promise<{ images: Blob[]; labels: string[] }>
/**
 * The same for the `FileList` of `<input type="file" webkitdirectory>`, which every browser has.
 *
 * @returns the files of the pictures, and the name of the sub-folder of each
 */
export async function imagesFromFolder(folder: ChosenFiles): Promise<{ images: Blob[]; labels: string[] }>
export async function imagesFromFolder(
  folder: string | URL | DirectoryHandle | ChosenFiles,
): Promise<{ images: string[] | Blob[]; labels: string[] }> {
  if (typeof folder === 'object' && folder !== null && 'kind' in folder && folder.kind === 'directory') {
    const { files, labels } = await listLabelledHandle(folder)
    return { images: files, labels }
  }
  if (isChosenFiles(folder)) {
    const { files, labels } = listChosenFiles(folder)
    return { images: files, labels }
  }
  const isUrl = folder instanceof URL || (typeof folder === 'string' && folder.startsWith('file:'))
  if (!isUrl && (typeof folder !== 'string' || folder === '')) {
    throw invalidArgument(
      'folder',
      folder,
      'a path, a file: URL, a FileSystemDirectoryHandle or the FileList of a chosen folder',
    )
  }
  if (!hasFileSystem()) {
    const message =
      'folders are named by paths on Node, Deno and Bun alone; give a FileSystemDirectoryHandle or a FileList'
    throw new SoftmarginError('HOST_UNSUPPORTED', message, { argument: 'folder' })
  }
  const path = isUrl
    ? (await importBuiltin('node:url')).fileURLToPath(folder as string | URL)
    : (folder as string)
  const { paths, labels } = await listLabelledFolder(path)
  return { images: paths, labels }
}

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { imagesFromFolder } from './images-from-folder.ts'

let folder: string
const files = [
  'dog/b.JPG',
  'dog/a.png',
  'cat/deep/1.webp',
  'cat/2.avif',
  'cat/.hidden.png',
  'cat/notes.txt',
  'loose.png',
]
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'softmargin-images-'))
  for (const file of files) {
    mkdirSync(join(folder, file, '..'), { recursive: true })
    writeFileSync(join(folder, file), file)
  }
})
afterAll(() => rmSync(folder, { recursive: true }))

const wanted = {
  names: ['cat/2.avif', 'cat/deep/1.webp', 'dog/a.png', 'dog/b.JPG'],
  labels: ['cat', 'cat', 'dog', 'dog'],
}

it('a path or a file URL gives paths and the names of the class folders', async () => {
  const images = wanted.names.map((name) => join(folder, name))
  expect(await imagesFromFolder(folder)).toEqual({ images, labels: wanted.labels })
  expect(await imagesFromFolder(pathToFileURL(folder))).toEqual({ images, labels: wanted.labels })
  expect(await imagesFromFolder(pathToFileURL(folder).href)).toEqual({ images, labels: wanted.labels })
})

describe('a folder handle', () => {
  /** Handles with only the kinds, names and content that browsers provide. */
  const file = (name: string) =>
    ({ kind: 'file', name, getFile: async () => new File([name], name) }) as const
  const handle = (name: string, ...entries: object[]): { kind: 'directory'; name: string } =>
    Object.assign({ kind: 'directory' as const, name }, { values: () => inTurn(entries) })
  async function* inTurn(entries: object[]) {
    yield* entries
  }

  it('gives files', async () => {
    const cat = handle(
      'cat',
      file('2.avif'),
      handle('deep', file('1.webp')),
      file('.hidden.png'),
      file('notes.txt'),
    )
    const whole = handle('pictures', handle('dog', file('b.JPG'), file('a.png')), file('loose.png'), cat)
    const { images, labels } = await imagesFromFolder(whole)
    expect(labels).toEqual(wanted.labels)
    expect(await Promise.all(images.map((image) => image.text()))).toEqual([
      '2.avif',
      '1.webp',
      'a.png',
      'b.JPG',
    ])
  })

  it('throws for a folder without images or without permission', async () => {
    await expect(imagesFromFolder(handle('pictures', file('loose.png')))).rejects.toMatchObject({
      code: 'EMPTY_INPUT',
      message:
        "the folder 'pictures' must contain one sub-folder for each class, with pictures in it, but contains none",
    })
    const refuse = async function* () {
      yield file('a.png')
      throw new Error('not allowed')
    }
    const closed = Object.assign(handle('closed'), { values: refuse })
    await expect(imagesFromFolder(closed)).rejects.toMatchObject({
      code: 'FILE_UNREADABLE',
      argument: 'folder',
    })
  })
})

describe('a list of chosen files', () => {
  const chosen = (paths: string[]) =>
    paths.map((path) =>
      Object.assign(new File([path], path.split('/').at(-1)!), { webkitRelativePath: `pictures/${path}` }),
    )

  it('gives the files of pictures and the names of the class folders', async () => {
    const { images, labels } = await imagesFromFolder(
      chosen([...files, '.git/objects/a.png', 'dog/.trash/a.png']),
    )
    expect(await Promise.all(images.map((image) => image.text()))).toEqual(wanted.names)
    expect(labels).toEqual(wanted.labels)
  })

  it('throws for files that are in no folder', async () => {
    const loose = ['a.png', 'b.png'].map((name) =>
      Object.assign(new File([name], name), { webkitRelativePath: '' }),
    )
    for (const list of [loose, chosen(['loose.png']), []]) {
      await expect(imagesFromFolder(list)).rejects.toMatchObject({ code: 'EMPTY_INPUT', argument: 'folder' })
    }
    await expect(imagesFromFolder(loose)).rejects.toThrow('none of its 2 files is one')
  })
})

it.each([[''], [7], [null], [{}]])('%j is rejected', async (value) => {
  await expect(imagesFromFolder(value as never)).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    argument: 'folder',
  })
})

it('throws for a missing folder and for a folder without images', async () => {
  await expect(imagesFromFolder(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'FILE_UNREADABLE' })
  await expect(imagesFromFolder(join(folder, 'dog'))).rejects.toThrow(/its 2 pictures are not in sub-folders/)
})

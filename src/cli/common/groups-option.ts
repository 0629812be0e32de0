// Which images belong together, as the option --groups says.

import { dirname, relative, resolve, sep } from 'node:path'
import { InvalidArgumentError, type Option } from 'commander'
import { SoftmarginError, show } from '../../core/errors.ts'
import { isUrl } from '../../host/storage/read-bytes.ts'
import { csvFault, isFile, recordsOf } from './labelled.ts'

/** What --groups names: the folder of each image, a CSV file, or a part of each path. */
export type GroupsOption = 'folder' | { file: string } | { pattern: RegExp }

/** Parses the option `--groups`. */
export function parseGroups(text: string): GroupsOption {
  if (text === 'folder') return 'folder'
  if (/\.csv$/i.test(text)) return { file: text }
  try {
    return { pattern: new RegExp(text, 'u') }
  } catch (error) {
    throw new InvalidArgumentError(
      `It must be folder, a CSV file with the columns path and group, or a regular expression: ${(error as Error).message}.`,
    )
  }
}

/** The option `--groups` of a command. */
export function groupsOption(create: (flags: string, description: string) => Option): Option {
  return create(
    '--groups <how>',
    'images that belong together, such as those of one person, and that no hold-out or fold divides: folder for those in the same folder, a CSV file with the columns path and group, or a regular expression for the part of the path that they share',
  ).argParser(parseGroups)
}

/**
 * Returns the group of each image.
 *
 * @param pictures the folder or the CSV file that the images were listed from; paths that a regular expression is applied
 *   to are relative to it, with / between names
 * @throws {SoftmarginError} `INVALID_ARGUMENT` if an image has no group; `DATA_UNREADABLE`, `FILE_UNREADABLE`
 */
export async function groupsOf(
  groups: GroupsOption | undefined,
  pictures: string,
  paths: readonly string[],
): Promise<string[] | undefined> {
  if (groups === undefined) return undefined
  if (groups === 'folder') return paths.map((path) => dirname(path))
  if ('file' in groups) return groupsFromFile(groups.file, paths)
  const root = (await isFile(pictures)) ? dirname(pictures) : pictures
  return paths.map((path) => {
    const name = isUrl(path) ? path : relative(root, path).split(sep).join('/')
    const match = groups.pattern.exec(name)
    if (!match)
      throw withoutGroup(String(groups.pattern), name, 'a match in each path, or the alternative |.*')
    const parts = match.slice(1).filter((part) => part !== undefined)
    return parts.length > 0 ? parts.join('/') : match[0]
  })
}

async function groupsFromFile(file: string, paths: readonly string[]): Promise<string[]> {
  const known = new Map<string, string>()
  for await (const { path, group } of recordsOf(file)) {
    if (path === undefined || group === undefined) {
      throw csvFault(file, 'must have the columns path and group in its first line', undefined, '--groups')
    }
    known.set(isUrl(path) ? path : resolve(dirname(file), path), group)
  }
  return paths.map((path) => {
    const group = known.get(isUrl(path) ? path : resolve(path))
    if (group === undefined || group === '')
      throw withoutGroup(file, path, 'a CSV file with the group of each image')
    return group
  })
}

function withoutGroup(received: string, path: string, expected: string): SoftmarginError {
  const message = `--groups must give each image a group, but ${received} gives none to ${show(path)}: it must be ${expected}`
  return new SoftmarginError('INVALID_ARGUMENT', message, { argument: '--groups', received, expected })
}

/**
 * Checks that each class has images in at least two groups, one to learn from and one to be judged.
 *
 * @throws {SoftmarginError} `TOO_FEW_ROWS`
 */
export function checkTwoGroups(labels: readonly string[], groups: readonly string[]): void {
  const own = new Map<string, Set<string>>()
  for (const [i, label] of labels.entries()) {
    if (!own.has(label)) own.set(label, new Set())
    own.get(label)!.add(groups[i])
  }
  for (const [label, { size }] of own) {
    if (size > 1) continue
    const message = `each class must have pictures of at least 2 groups, one to learn from and one to be judged, but those of ${show(label)} are one group; choose other --groups`
    throw new SoftmarginError('TOO_FEW_ROWS', message, {
      argument: '--groups',
      received: size,
      expected: 'at least 2 groups of each class',
    })
  }
}

import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CliFolder, softmargin } from '../support/cli.ts'

let place: CliFolder
/** Each picture and its copy in a folder of their own: `one/0/0.png`, `one/0/copy0.png`, `one/1/1.JPEG`, ... */
let nested: string
/** The same side by side: `one/0.png`, `one/copy0.png`, ... */
let flat: string
let output: string

beforeAll(async () => {
  place = await CliFolder.open()
  output = join(place.folder, 'out.onnx')
  nested = join(place.folder, 'nested')
  flat = place.copy('flat')
  for (const kind of readdirSync(place.pictures)) {
    for (const file of readdirSync(join(place.pictures, kind))) {
      const from = join(place.pictures, kind, file)
      const number = Number.parseInt(file, 10)
      copyFileSync(from, join(flat, kind, `copy${file}`))
      const own = join(nested, kind, String(number))
      mkdirSync(own, { recursive: true })
      copyFileSync(from, join(own, file))
      copyFileSync(from, join(own, `copy${file}`))
    }
  }
}, 60_000)
afterAll(() => place.close())

const train = (from: string, ...more: string[]) =>
  softmargin('train', from, '-o', output, '--layer', 'stage3', '--keep-holdout', ...more)

/** A CSV file with the group of each picture of `flat`. */
function groupsFile(name: string, groupOf: (file: string) => string): string {
  const path = join(place.folder, name)
  const lines = readdirSync(flat).flatMap((kind) =>
    readdirSync(join(flat, kind)).map((file) => `flat/${kind}/${file},${kind},${kind} ${groupOf(file)}`),
  )
  writeFileSync(path, ['path,label,group', ...lines].join('\n'))
  return path
}

describe('--groups', () => {
  it('keeps pictures of a folder on one side of the hold-out', async () => {
    const apart = JSON.parse((await train(nested, '--json')).stdout)
    expect(apart.leaks.length).toBeGreaterThan(0)
    const { code, stdout } = await train(nested, '--groups', 'folder', '--grid', '{"C": [1, 3]}', '--json')
    expect(code).toBe(0)
    const together = JSON.parse(stdout)
    expect(together.leaks).toEqual([])
    expect(together.images).toEqual({ train: 96, test: 24, skipped: 0 })
  })

  it('takes the part of a path that a regular expression names', async () => {
    for (const pattern of ['^[^/]+/(?:copy)?(\\d+)', '(\\w+)/\\D*(\\d+)\\.']) {
      const { code, stdout } = await train(flat, '--groups', pattern, '--json')
      expect(code).toBe(0)
      expect(JSON.parse(stdout).leaks).toEqual([])
    }
  })

  it('reads groups from a CSV file, which may be that of the pictures', async () => {
    const file = groupsFile('pictures.csv', (name) => name.replace('copy', ''))
    for (const pictures of [flat, file]) {
      const { code, stdout } = await train(pictures, '--groups', file, '--probability', '--json')
      expect(code).toBe(0)
      expect(JSON.parse(stdout).leaks).toEqual([])
    }
  })

  it('keeps groups together where all pictures are learnt from in the end, and in suspects', async () => {
    const { code, stdout } = await softmargin(
      ...['train', nested, '-o', output, '--groups', 'folder', '--unknown', '--json'],
    )
    expect(code).toBe(0)
    expect(JSON.parse(stdout).refit).toEqual({ images: 120 })
    const wrong = join(nested, 'one', '0')
    for (const file of readdirSync(join(nested, 'eight', '0'))) {
      copyFileSync(join(nested, 'eight', '0', file), join(wrong, `stray-${file}`))
    }
    const listed = await softmargin('suspects', nested, '--layer', 'stage3', '--groups', '^[^/]*/(\\d+)')
    for (const file of readdirSync(wrong)) if (file.startsWith('stray')) rmSync(join(wrong, file))
    expect(listed.code).toBe(0)
    expect(listed.stdout).toMatch(/stray-copy0\.png\tone\teight/)
  })

  it('reports no suspects where a class is one group, which nothing can be held out from', async () => {
    const report = join(place.folder, 'report.html')
    const { code, stderr } = await train(flat, '--groups', 'folder', '--test-size', '0', '--report', report)
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(readFileSync(report, 'utf8')).not.toContain('zéro, perhaps one')
  })

  it.each([
    ['a path that does not match', () => [flat, '--groups', '^one/'], /gives none to 'eight\/0\.png'/],
    ['an expression that is none', () => [flat, '--groups', '('], /It must be folder, a CSV file/],
    ['a class in one folder', () => [flat, '--groups', 'folder'], /those of 'eight' are one group/],
    [
      'a file without the column',
      () => {
        const path = join(place.folder, 'other.csv')
        writeFileSync(path, 'path,label\nflat/one/0.png,one\n')
        return [flat, '--groups', path]
      },
      /must have the columns path and group in its first line/,
    ],
    [
      'a file that lacks a picture',
      () => [nested, '--groups', groupsFile('lacks.csv', () => 'g')],
      /--groups must give each image a group, but .*lacks\.csv gives none to /,
    ],
    [
      'leave-one-out',
      () => [nested, '--groups', 'folder', '--leave-one-out'],
      /--leave-one-out must be omitted with --groups/,
    ],
  ])('refuses %s', async (name, options, message) => {
    const { code, stdout, stderr } = await train(...(options() as [string, ...string[]]))
    expect(stderr).toMatch(message)
    expect(stdout).toBe('')
    // The options are right in themselves where the data are not.
    expect(code).toBe(name === 'a class in one folder' || name === 'a file without the column' ? 1 : 2)
  })
})

describe('--leave-one-out', () => {
  it('tells its accuracy, also without a hold-out', async () => {
    const { code, stdout } = await train(place.pictures, '--leave-one-out', '--test-size', '0')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^leave-one-out accuracy [\d.]+ on 60 images \(95 % interval [\d.]+ to [\d.]+\)$/m)
    const answer = JSON.parse((await train(place.pictures, '--leave-one-out', '--json')).stdout)
    expect(answer.leaveOneOut).toMatchObject({ images: 48, accuracyInterval: [expect.any(Number), 1] })
  })
})

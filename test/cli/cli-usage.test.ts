import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { version } from '../../src/index.ts'
import { CliFolder, softmargin } from '../support/cli.ts'

let place: CliFolder
let folder: string
let pictures: string
let model: string

beforeAll(async () => {
  place = await CliFolder.withModel()
  ;({ folder, pictures, model } = place)
}, 60_000)
afterAll(() => place.close())

describe('every command', () => {
  it.each([
    'train',
    'predict',
    'evaluate',
    'next',
    'suspects',
    'explain',
    'extract',
    'layers',
    'info',
    'convert',
  ])('%s has help with an example, and --json', async (name) => {
    const { stdout } = await softmargin(name, '--help')
    expect(stdout).toContain(`Example:\n  softmargin ${name} `)
    expect(stdout).toContain('--json')
  })
})

describe('exit codes and messages', () => {
  const output = () => join(folder, 'never.onnx')
  it.each<[string, () => string[], number, RegExp]>([
    ['--help', () => ['--help'], 0, /^$/],
    ['--version', () => ['--version'], 0, /^$/],
    ['help of a command', () => ['train', '--help'], 0, /^$/],
    ['nothing', () => [], 2, /Usage: softmargin/],
    ['an unknown command', () => ['tarin'], 2, /unknown command 'tarin'/],
    [
      'an unknown option',
      () => ['train', pictures, '-o', output(), '--gama', '1'],
      2,
      /Did you mean --gamma/,
    ],
    ['no output', () => ['train', pictures], 2, /-o, --output <file>/],
    ['C of 0', () => ['train', pictures, '-o', output(), '--C', '0'], 2, /above 0/],
    ['C that is not a number', () => ['train', pictures, '-o', output(), '--C', 'x'], 2, /must be a number/],
    ['gamma of -1', () => ['train', pictures, '-o', output(), '--gamma', '-1'], 2, /above 0/],
    ['an unknown kernel', () => ['train', pictures, '-o', output(), '--kernel', 'cosine'], 2, /linear, poly/],
    ['a grid that is not JSON', () => ['train', pictures, '-o', output(), '--grid', '{'], 2, /must be JSON/],
    [
      'a grid with an unknown parameter',
      () => ['train', pictures, '-o', output(), '--grid', '{"c": [1]}'],
      2,
      /paramGrid/,
    ],
    ['one fold', () => ['train', pictures, '-o', output(), '--grid', '--cv', '1'], 2, /2 or more/],
    ['a test size of 1', () => ['train', pictures, '-o', output(), '--test-size', '1'], 2, /below 1/],
    ['an unknown layer', () => ['train', pictures, '-o', output(), '--layer', 'stag3'], 1, /'stage3'/],
    ['a missing folder', () => ['train', join(folder, 'no'), '-o', output()], 1, /cannot be read/],
    ['a folder without classes', () => ['train', join(pictures, 'one'), '-o', output()], 1, /sub-folder/],
    ['an output that is a folder', () => ['train', pictures, '-o', pictures], 1, /cannot be written/],
    ['an output in a file', () => ['train', pictures, '-o', join(model, 'x.onnx')], 1, /cannot be written/],
    [
      'a file that is not a model',
      () => ['predict', join(pictures, 'one', '0.png'), model],
      1,
      /a PNG image/,
    ],
    ['a missing model', () => ['evaluate', join(folder, 'no.onnx'), pictures], 1, /no\.onnx/],
  ])('%s', async (_, args, wanted, message) => {
    const { code, stdout, stderr } = await softmargin(...args())
    expect(code).toBe(wanted)
    expect(stderr).toMatch(message)
    expect(stderr).not.toMatch(/^\s+at /m)
    if (wanted === 0) expect(stdout).not.toBe('')
    else expect(stdout).toBe('')
    expect(existsSync(output())).toBe(false)
  })

  it('a folder of one class', async () => {
    const alone = join(folder, 'alone')
    mkdirSync(join(alone, 'one'), { recursive: true })
    for (const name of ['a.png', 'b.png']) {
      copyFileSync(join(pictures, 'one', '0.png'), join(alone, 'one', name))
    }
    const { code, stderr } = await softmargin('train', alone, '-o', output())
    expect(code).toBe(1)
    expect(stderr).toMatch(/at least two classes, but all 2 have the class 'one'/)
  })

  it('a class with only one image', async () => {
    const rare = place.copy('rare')
    mkdirSync(join(rare, 'rare'))
    copyFileSync(join(pictures, 'one', '0.png'), join(rare, 'rare', 'a.png'))
    const { code, stderr } = await softmargin('train', rare, '-o', output())
    expect(code).toBe(1)
    expect(stderr).toMatch(/'rare' has only one; .*--test-size 0/)
  })

  it('prints the version of the package', async () => {
    const { version: wanted } = JSON.parse(
      readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
    )
    expect((await softmargin('--version')).stdout).toBe(`${wanted}\n`)
    expect(version).toBe(wanted)
  })
})

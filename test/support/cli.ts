import { execFile } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { digit, jpegOf, pngOf } from './digits.ts'

/** The built program. */
export const program = fileURLToPath(new URL('../../dist/lib/cli.js', import.meta.url))

/** The result of a run of the program. */
export interface Outcome {
  code: number | null
  stdout: string
  stderr: string
}

/** Runs the built program. */
export function softmargin(...args: string[]): Promise<Outcome> {
  return softmarginIn(process.cwd(), ...args)
}

/** Runs the built program in another working folder. */
export function softmarginIn(cwd: string, ...args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [program, ...args], { cwd }, (_, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }),
    )
  })
}

/** A temporary folder with pictures of three classes. */
export class CliFolder {
  readonly folder = mkdtempSync(join(tmpdir(), 'softmargin-'))
  /** The pictures: a folder per class (`eight`, `one`, `zéro`) with 20 files each: `0.png`, `1.JPEG`, `2.png`, ... */
  readonly pictures = join(this.folder, 'pictures')
  /** The path of the classifier that `train` creates. */
  readonly model = join(this.folder, 'model.onnx')

  static async open(): Promise<CliFolder> {
    const place = new CliFolder()
    for (const [name, kind] of [
      ['eight', 8],
      ['one', 1],
      ['zéro', 0],
    ] as const) {
      mkdirSync(join(place.pictures, name), { recursive: true })
      for (let i = 0; i < 20; i++) {
        const bytes = await (i % 2 === 0 ? pngOf : jpegOf)(digit(kind, i))
        writeFileSync(join(place.pictures, name, `${i}.${i % 2 === 0 ? 'png' : 'JPEG'}`), bytes)
      }
    }
    return place
  }

  /** Creates the folder and trains the classifier. @throws if the program fails or prints a warning */
  static async withModel(): Promise<CliFolder> {
    const place = await CliFolder.open()
    const { code, stderr } = await place.train()
    if (code !== 0 || stderr !== '') throw new Error(`softmargin train ended with ${code}: ${stderr}`)
    return place
  }

  /** Trains the classifier `model` on `pictures`. */
  train(): Promise<Outcome> {
    const { pictures, model } = this
    return softmargin('train', pictures, '-o', model, '--layer', 'stage3', '--pooling', '2x2')
  }

  /** Copies `pictures` to a folder that the test can change. */
  copy(name: string): string {
    const copy = join(this.folder, name)
    for (const kind of readdirSync(this.pictures)) {
      mkdirSync(join(copy, kind), { recursive: true })
      for (const picture of readdirSync(join(this.pictures, kind))) {
        copyFileSync(join(this.pictures, kind, picture), join(copy, kind, picture))
      }
    }
    return copy
  }

  close(): void {
    rmSync(this.folder, { recursive: true })
  }
}

import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { transformSync } from 'esbuild'
import { digit, pngOf } from './digits.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** A piece of TypeScript on a page, and its output according to the page, if stated. */
export interface Snippet {
  name: string
  code: string
  printed: string | undefined
}

/** Extracts the `ts` blocks of a page. A `text` block directly after one is its output. */
export function snippetsOf(page: string, markdown: string): Snippet[] {
  return [...markdown.matchAll(/^```ts\n(.*?)^```$(?:\n\n```text\n(.*?)^```$)?/gms)].map(
    ([, code, printed], i) => ({ name: `${page.replaceAll(/[^a-z]+/g, '-')}-${i}`, code, printed }),
  )
}

/**
 * Creates a folder with the built package and handwritten digits: `pictures/<0, 1 or 7>/<0 to 19>.png`, digits from 2 to 6
 * as `others/<0 to 119>.png`, and `new.png`, which shows a 7.
 */
export async function snippetFolder(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'softmargin-'))
  mkdirSync(join(folder, 'node_modules/@types'), { recursive: true })
  symlinkSync(root, join(folder, 'node_modules/softmargin'))
  symlinkSync(join(root, 'node_modules/@types/node'), join(folder, 'node_modules/@types/node'))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  for (const kind of [0, 1, 7]) {
    mkdirSync(join(folder, 'pictures', String(kind)), { recursive: true })
    for (let i = 0; i < 20; i++) {
      writeFileSync(join(folder, 'pictures', String(kind), `${i}.png`), await pngOf(digit(kind, i)))
    }
  }
  mkdirSync(join(folder, 'others'))
  for (let i = 0; i < 120; i++) {
    writeFileSync(join(folder, 'others', `${i}.png`), await pngOf(digit(2 + (i % 5), Math.floor(i / 5))))
  }
  writeFileSync(join(folder, 'new.png'), await pngOf(digit(7, 50)))
  return folder
}

/** Type-checks the snippets in strict mode; returns the compiler's output, which is empty if there are no errors. */
export function typeErrors(folder: string, snippets: Snippet[]): string {
  for (const { name, code } of snippets) writeFileSync(join(folder, `${name}.ts`), code)
  const config = {
    compilerOptions: {
      ...{ target: 'ES2022', module: 'NodeNext', strict: true, noEmit: true, types: ['node'] },
      // The declarations themselves are checked elsewhere.
      skipLibCheck: true,
      ...{ lib: ['ES2023', 'DOM', 'DOM.Iterable', 'ESNext.Disposable'] },
    },
    include: ['*.ts'],
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
  try {
    return execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', folder], { encoding: 'utf8' })
  } catch (error) {
    return (error as { stdout: string }).stdout
  } finally {
    rmSync(join(folder, 'tsconfig.json'))
  }
}

/**
 * Runs the snippets and returns what each prints, by name. They run one after the other in one process, so that ONNX
 * Runtime starts only once; the first failure ends it.
 */
export function runAll(folder: string, snippets: Snippet[]): Record<string, string> {
  for (const { name, code } of snippets) {
    writeFileSync(join(folder, `${name}.mjs`), transformSync(code, { loader: 'ts', target: 'es2022' }).code)
  }
  const runner = `
    import { format } from 'node:util'
    const printed = {}
    for (const name of ${JSON.stringify(snippets.map(({ name }) => name))}) {
      printed[name] = ''
      console.log = (...values) => { printed[name] += format(...values) + '\\n' }
      try {
        await import('./' + name + '.mjs')
      } catch (error) {
        throw new Error(name, { cause: error })
      }
    }
    process.stdout.write(JSON.stringify(printed))
  `
  writeFileSync(join(folder, 'runner.mjs'), runner)
  return JSON.parse(execFileSync(process.execPath, ['runner.mjs'], { cwd: folder, encoding: 'utf8' }))
}

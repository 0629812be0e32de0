import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const node = (...args: string[]) =>
  execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8', stdio: 'pipe' })
const { version, scripts } = JSON.parse(read('package.json'))

describe('a release', () => {
  it('requires the tag, package.json and the changelog to agree', () => {
    expect(node('scripts/check-release.js', `v${version}`)).toBe('')
    expect(() => node('scripts/check-release.js', 'v99.0.0')).toThrow(/the tag is v99.0.0/)
  })
})

describe('workflows', () => {
  const files = readdirSync(join(root, '.github/workflows')).map((name) => `.github/workflows/${name}`)

  it.each(files)('%s runs commands that exist', (file) => {
    const text = read(file)
    const named = (pattern: RegExp) => [...text.matchAll(pattern)].map(([, name]) => name)
    expect(named(/npm run (?:--silent )?([\w:]+)/g).filter((name) => !(name in scripts))).toEqual([])
    const paths = [...named(/(?:node|bash) (\S+\.js|\.ci\/\w+)/g), ...named(/uses: \.\/(\S+)/g)]
    expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([])
  })

  it('test every host', () => {
    const [, matrix] = /host: \[(.*)\]/.exec(read('.github/workflows/hosts.yml'))!
    const [, hosts] = /^const hosts = \[\n(.*?)^\]/ms.exec(read('scripts/test-hosts.js'))!
    // The other hosts are compared with Node 20.
    expect(matrix.split(', ')).toHaveLength(hosts.trim().split('\n').length - 1)
  })
})

describe('the package for JSR', () => {
  let parent: string
  let folder: string
  beforeAll(() => {
    parent = mkdtempSync(join(tmpdir(), 'softmargin-'))
    folder = join(parent, 'jsr')
    node('scripts/jsr.js', folder)
  })
  afterAll(() => rmSync(parent, { recursive: true }))

  const filesIn = (part: string, ending: string) =>
    readdirSync(join(folder, part), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
      .map((entry) => join(entry.parentPath, entry.name))

  it('has entries that declare their types', () => {
    const manifest = JSON.parse(readFileSync(join(folder, 'jsr.json'), 'utf8'))
    expect(manifest.version).toBe(version)
    expect(Object.keys(manifest.exports)).toContain('./svm')
    for (const path of Object.values<string>(manifest.exports)) {
      const file = join(folder, path)
      const [, types] = /^\/\* @ts-self-types="(.*)" \*\/$/m.exec(readFileSync(file, 'utf8'))!
      expect(existsSync(join(dirname(file), types)), types).toBe(true)
    }
  })

  it('imports only files and packages that it contains or declares', () => {
    const { imports } = JSON.parse(readFileSync(join(folder, 'jsr.json'), 'utf8'))
    const files = [...filesIn('dist/lib', '.js'), ...filesIn('dist/types', '.d.ts')]
    expect(files.length).toBeGreaterThan(20)
    for (const file of files) {
      const code = readFileSync(file, 'utf8')
      for (const [, target] of code.matchAll(/^(?:import|export|\}) .*?from ["']([^"']+)["']/gm)) {
        if (target.startsWith('.')) expect(existsSync(join(dirname(file), target)), target).toBe(true)
        else if (!target.startsWith('node:') && !builtinModules.includes(target)) {
          const name = /^(@[^/]+\/)?[^/]+/.exec(target)![0]
          expect(Object.keys(imports), `${file}: ${target}`).toContain(name)
        }
      }
    }
  })
})

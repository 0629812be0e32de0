import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { anchorsOf, pages } from '../../docs/pages.js'
import { entries } from '../../scripts/entries.js'
import { errorCodes, errorsPage } from '../../scripts/errors-page.js'
import { llmsText } from '../../scripts/llms-text.js'
import { runAll, snippetFolder, snippetsOf, typeErrors } from '../support/snippets.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const markdown = Object.fromEntries(pages().map((page) => [page, read(`docs/${page}`)]))
const snippets = Object.entries(markdown).flatMap(([page, text]) => snippetsOf(page, text))

describe('snippets in the documentation', () => {
  let folder: string
  beforeAll(async () => {
    folder = await snippetFolder()
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  it('type-check against the built package', () => {
    expect(snippets.length).toBeGreaterThan(10)
    expect(typeErrors(folder, snippets)).toBe('')
  }, 180_000)

  it('run with the embedded CNN and print what the page says', () => {
    const printed = runAll(folder, snippets)
    const withOutput = snippets.filter((snippet) => snippet.printed !== undefined)
    expect(withOutput.length).toBeGreaterThan(5)
    for (const snippet of withOutput) expect(printed[snippet.name], snippet.name).toBe(snippet.printed)
  }, 180_000)

  it('for a host are the examples that its tests run', () => {
    const shown = Object.values(markdown).flatMap((text) => [
      ...text.matchAll(/^<!-- (\S+) -->\n```\w+\n(.*?)^```$/gms),
    ])
    const examples = readdirSync(join(root, 'examples'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name !== 'digits.js')
      .map((entry) => join(entry.parentPath, entry.name).slice(root.length))
    expect(shown.map(([, path]) => path).sort()).toEqual(examples.sort())
    for (const [, path, code] of shown) expect(code, path).toBe(read(path))
  })
})

describe('links in the documentation', () => {
  const all = {
    ...Object.fromEntries(Object.entries(markdown).map(([page, text]) => [`docs/${page}`, text])),
  }
  for (const name of ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md']) all[name] = read(name)

  it.each(Object.entries(all))('of %s lead to existing files and headings', (page, text) => {
    const broken = [...text.matchAll(/\]\(([^)\s]+)\)/g)].filter(([, target]) => {
      if (/^[a-z]+:/.test(target)) return false
      const [path, anchor] = target.split('#')
      const file = path === '' ? page : join(dirname(page), path)
      return !existsSync(join(root, file)) || (anchor && !anchorsOf(read(file)).includes(anchor))
    })
    expect(broken.map(([, target]) => target)).toEqual([])
  })

  it('of the home page lead to existing pages', () => {
    const links = [...markdown['index.md'].matchAll(/link: (\S+)/g)].map(([, link]) => `${link.slice(1)}.md`)
    expect(links.length).toBeGreaterThan(0)
    for (const link of links) expect(pages()).toContain(link)
  })

  it('in the sidebar cover every page', () => {
    const config = read('docs/.vitepress/config.js')
    for (const page of pages()) {
      if (page !== 'index.md') expect(config, page).toContain(`'/${page.replace(/\.md$/, '')}'`)
    }
  })
})

describe('the page of error codes', () => {
  it('gives the meaning of every code, as in the source, and what to do', () => {
    const page = read('docs/errors.md')
    expect(page).toBe(errorsPage(page))
    for (const { code } of errorCodes()) {
      const [, advice] = new RegExp(`^## ${code}\\n\\n.*?\\n\\n(.*?)(?=^## |$(?![^]))`, 'ms').exec(page)!
      expect(advice.trim().length, code).toBeGreaterThan(20)
    }
  })
})

describe('the API reference', () => {
  it("is generated from the package's entry points", () => {
    const { exports } = JSON.parse(read('package.json'))
    const types = Object.values<{ types?: string }>(exports).flatMap((entry) => entry.types ?? [])
    expect(types.sort()).toEqual(
      Object.keys(entries)
        .map((name) => `./dist/types/${name}.d.ts`)
        .sort(),
    )
    expect(Object.values(entries).filter((path) => !existsSync(join(root, 'src', path)))).toEqual([])
  })
})

describe('llms.txt', () => {
  it('lists every page with its description', () => {
    expect(read('docs/public/llms.txt'), 'node scripts/llms-text.js writes it').toBe(llmsText())
  })
})

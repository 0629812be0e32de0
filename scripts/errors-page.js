// node scripts/errors-page.js
//
// Brings docs/errors.md up to date with the sources: a heading and the meaning of each `ErrorCode`, in the order of the
// type. What to do about an error stands below its meaning, is written by hand, and stays.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const HEAD = 'export type ErrorCode ='

/** The codes of the type `ErrorCode`, each with the comment behind it: `[{ code, meaning }]`. */
export function errorCodes() {
  const source = readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'))
    .find((text) => text.includes(HEAD))
  const [type] = source.slice(source.indexOf(HEAD)).split('\n\n')
  return [...type.matchAll(/^\s*\| '(\w+)'(?:.*?\/\/ (.*))?$/gm)].map(([, code, meaning]) => ({
    code,
    meaning,
  }))
}

/** The page with the codes and meanings of today, and the advice of `page`. */
export function errorsPage(page) {
  const [head, ...sections] = page.split(/^(?=## )/m)
  const advice = Object.fromEntries(
    sections.map((section) => {
      const [, code, text] = /^## (\w+)\n\n[^\n]*\n\n?(.*)$/s.exec(section)
      return [code, text.trim()]
    }),
  )
  const written = errorCodes().map(({ code, meaning }) => {
    if (!meaning) throw new Error(`the code ${code} lacks a comment behind it that says what it means`)
    const sentence = `${meaning[0].toUpperCase()}${meaning.slice(1)}.`
    return `## ${code}\n\n${sentence}\n\n${advice[code] ?? ''}`.trimEnd()
  })
  return `${[head.trimEnd(), ...written].join('\n\n')}\n`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const path = join(root, 'docs/errors.md')
  writeFileSync(path, errorsPage(readFileSync(path, 'utf8')))
}

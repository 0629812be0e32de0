// node scripts/errors-page.js
//
// Updates docs/errors.md from the sources: a heading and the meaning of each `ErrorCode`, in the order of the type. The
// advice below each meaning is written by hand and is kept.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const HEAD = 'export type ErrorCode ='

/** The codes of the type `ErrorCode`, each with the comment that follows it: `[{ code, meaning }]`. */
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

/** The page with the current codes and meanings, and the advice of `page`. */
export function errorsPage(page) {
  const [head, ...sections] = page.split(/^(?=## )/m)
  const advice = Object.fromEntries(
    sections.map((section) => {
      const [, code, text] = /^## (\w+)\n\n[^\n]*\n\n?(.*)$/s.exec(section)
      return [code, text.trim()]
    }),
  )
  const written = errorCodes().map(({ code, meaning }) => {
    if (!meaning) throw new Error(`the code ${code} must be followed by a comment with its meaning`)
    const sentence = `${meaning[0].toUpperCase()}${meaning.slice(1)}.`
    return `## ${code}\n\n${sentence}\n\n${advice[code] ?? ''}`.trimEnd()
  })
  return `${[head.trimEnd(), ...written].join('\n\n')}\n`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const path = join(root, 'docs/errors.md')
  writeFileSync(path, errorsPage(readFileSync(path, 'utf8')))
}

import { readdirSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

const root = new URL('../../', import.meta.url)
const { dependencies } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'))
const files = readdirSync(new URL('src/', root), { recursive: true, encoding: 'utf8' }).filter(
  (path) => path.endsWith('.ts') && !path.endsWith('.test.ts'),
)

/** The packages from which a source imports values; type imports are erased. */
function packagesOf(text: string): string[] {
  const imports = [
    ...text.matchAll(/^(?:import|export) (?!type )[^;'"]*?from '([^']+)'/gm),
    ...text.matchAll(/\bimport\('([^']+)'\)/g),
    ...text.matchAll(/^import '([^']+)'/gm),
  ].map(([, name]) => name)
  return imports
    .filter((name) => !name.startsWith('.') && !name.startsWith('node:') && !name.startsWith('softmargin'))
    .map((name) =>
      name
        .split('/')
        .slice(0, name.startsWith('@') ? 2 : 1)
        .join('/'),
    )
}

it('the sources import only packages that users install', () => {
  const used = new Set(
    files.flatMap((path) => packagesOf(readFileSync(new URL(`src/${path}`, root), 'utf8'))),
  )
  expect(used.size).toBeGreaterThan(3)
  expect([...used].filter((name) => !(name in dependencies))).toEqual([])
})

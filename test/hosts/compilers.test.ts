import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { testDeclarations, versionOf } from '../support/declarations.ts'

describe('the declarations', { timeout: 180_000 }, () => {
  it('are tested with the oldest compiler that the README names, and the newest', () => {
    const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
    const [, oldest] = /TypeScript (\d+\.\d+)/.exec(readme)!
    expect(versionOf('typescript-oldest')).toMatch(new RegExp(`^${oldest}\\.`))
    expect(Number.parseInt(versionOf('typescript-newest'), 10)).toBeGreaterThan(
      Number.parseInt(versionOf('typescript'), 10),
    )
  })

  for (const compiler of ['typescript-oldest', 'typescript-newest']) {
    describe(`with ${compiler}`, () => testDeclarations(compiler))
  }
})

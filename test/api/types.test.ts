import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { testDeclarations } from '../support/declarations.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

describe('the declarations', { timeout: 180_000 }, () => {
  testDeclarations('typescript')

  it('allow undefined for every optional property', () => {
    const strict: string[] = []
    const declarations = join(root, 'dist/types')
    for (const name of readdirSync(declarations)) {
      const text = readFileSync(join(declarations, name), 'utf8')
      const file = ts.createSourceFile(name, text, ts.ScriptTarget.ES2022, true)
      const visit = (node: ts.Node) => {
        if (ts.isPropertySignature(node) && node.questionToken && !mayBeUndefined(node.type)) {
          strict.push(`${name}: ${node.getText()}`)
        }
        ts.forEachChild(node, visit)
      }
      visit(file)
    }
    expect(strict).toEqual([])
  })

  it('import no dependency', () => {
    const declarations = join(root, 'dist/types')
    const imports = readdirSync(declarations).flatMap((name) => [
      ...readFileSync(join(declarations, name), 'utf8').matchAll(/\b(?:from|import)\s*\(?'([^']+)'/g),
    ])
    expect(imports.length).toBeGreaterThan(0)
    for (const [, source] of imports) expect(source).toMatch(/^\.\/[\w-]+\.js$/)
  })
})

function mayBeUndefined(type: ts.TypeNode | undefined): boolean {
  if (type === undefined) return true
  if (ts.isUnionTypeNode(type)) return type.types.some(mayBeUndefined)
  return type.kind === ts.SyntaxKind.UndefinedKeyword || type.kind === ts.SyntaxKind.UnknownKeyword
}

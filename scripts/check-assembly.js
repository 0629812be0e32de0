// Checks assembly/ with Biome; `--write` also fixes it: node scripts/check-assembly.js [--write]
//
// Biome reports a decorator before a function (AssemblyScript's `@inline`) as a syntax error, and has no setting for it.
// So it gets a copy in which these lines are comments, with the settings that biome.json has for assembly/. They disable
// the rules that do not apply to AssemblyScript: it has no `import type`; its == and isFinite do not convert; it requires a
// `return` after an endless loop; its exports are ordered as in the binary; and its constants are written with the digits
// of their derivation.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const write = process.argv.includes('--write')

const copy = mkdtempSync(join(tmpdir(), 'softmargin-assembly-'))
try {
  const { files, vcs, ...settings } = JSON.parse(readFileSync(join(root, 'biome.json'), 'utf8'))
  writeFileSync(join(copy, 'biome.json'), JSON.stringify(settings))
  const sources = readdirSync(join(root, 'assembly'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length))
  for (const path of sources) {
    mkdirSync(join(copy, path, '..'), { recursive: true })
    writeFileSync(join(copy, path), hideDecorators(readFileSync(join(root, path), 'utf8')))
  }
  const biome = join(root, 'node_modules/.bin/biome')
  const { status } = spawnSync(biome, ['check', ...(write ? ['--write'] : []), 'assembly'], {
    cwd: copy,
    stdio: 'inherit',
  })
  if (write) {
    for (const path of sources) {
      const before = readFileSync(join(root, path), 'utf8')
      const after = showDecorators(readFileSync(join(copy, path), 'utf8'))
      if (after !== before) writeFileSync(join(root, path), after)
    }
  }
  process.exitCode = status ?? 1
} finally {
  rmSync(copy, { recursive: true })
}

function hideDecorators(source) {
  return source.replaceAll(/^@(\w+)$/gm, '//@$1')
}

function showDecorators(source) {
  return source.replaceAll(/^\/\/@(\w+)$/gm, '@$1')
}

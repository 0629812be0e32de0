import { readdirSync, readFileSync } from 'node:fs'
import { cruise, type ICruiseResult, type IForbiddenRuleType } from 'dependency-cruiser'
import { describe, expect, test } from 'vitest'

/**
 * The folders of `src` from bottom to top. A file may import from its own folder and from folders of lower layers;
 * docs/architecture.md shows the same order.
 */
const layers: string[][] = [
  ['core'],
  ['host'],
  ['data', 'image', 'metrics', 'onnx', 'preprocessing'],
  ['engine'],
  ['svm'],
  ['model-selection'],
  ['cnn'],
  ['store'],
  ['classifier'],
  ['svm.ts'],
  ['index.ts', 'lite.ts'],
  ['worker', 'cli'],
  ['entries'],
]

const pathOf = (folder: string) => `^src/${folder.replace('.', '\\.')}${folder.endsWith('.ts') ? '$' : '/'}`

/** One rule for each folder: it must not import from higher layers or from other folders of its own layer. */
const climbing: IForbiddenRuleType[] = layers.flatMap((folders, layer) =>
  folders.flatMap((folder) => {
    const forbidden = [...layers.slice(layer + 1).flat(), ...folders.filter((other) => other !== folder)]
    if (forbidden.length === 0) return []
    return [
      {
        name: `${folder} imports only from the layers below it`,
        severity: 'error' as const,
        from: { path: pathOf(folder) },
        to: { path: forbidden.map(pathOf) },
      },
    ]
  }),
)

const rules: IForbiddenRuleType[] = [
  ...climbing,
  {
    name: 'no cycle between files',
    severity: 'error',
    from: { path: '^src/' },
    to: { circular: true },
  },
  {
    name: 'no cycle between folders',
    severity: 'error',
    scope: 'folder',
    from: { path: '^src/.+/' },
    to: { circular: true },
  },
  {
    name: 'only cnn/ort imports onnxruntime-web',
    severity: 'error',
    from: {
      path: '^src/',
      pathNot: '^src/cnn/ort/|^src/entries/workerd-runtime\\.ts$|\\.test\\.ts$',
    },
    to: { path: 'onnxruntime-web' },
  },
  {
    name: 'the SVM alone carries neither images nor networks',
    severity: 'error',
    from: { path: '^src/svm\\.ts$' },
    to: { path: '^src/(image|cnn|store|classifier|cli|worker)/', reachable: true },
  },
  {
    name: 'nor do the threads of the SVM alone',
    severity: 'error',
    from: { path: '^src/entries/(svm-entry|thread-svm)\\.ts$' },
    to: { path: '^src/(image|cnn|store|classifier|cli|worker)/', reachable: true },
  },
  {
    name: 'lite does not reach onnxruntime-web, nor do its threads',
    severity: 'error',
    from: { path: '^src/(lite|entries/(workerd-lite|lite-entry|thread-lite))\\.ts$' },
    to: { path: 'onnxruntime|^src/cnn/ort/', reachable: true },
  },
]

const { output } = await cruise(['src'], {
  ruleSet: { forbidden: rules },
  validate: true,
  doNotFollow: { path: 'node_modules' },
  exclude: { path: ['\\.test\\.ts$', '^test/'] },
  tsPreCompilationDeps: true,
  tsConfig: { fileName: 'tsconfig.json' },
  enhancedResolveOptions: {
    exportsFields: ['exports'],
    conditionNames: ['import', 'require', 'node', 'default'],
  },
})
const result = output as ICruiseResult

describe('imports', () => {
  test('every folder of src has a place in the import order', () => {
    const folders = readdirSync('src').filter((name) => !name.endsWith('.d.ts'))
    expect(folders.sort()).toEqual(layers.flat().sort())
  })

  test('the source files were found', () => {
    expect(result.summary.totalCruised).toBeGreaterThan(150)
    expect(result.summary.totalDependenciesCruised).toBeGreaterThan(500)
  })

  test.each(rules.map((rule) => rule.name as string))('%s', (name) => {
    const found = result.summary.violations.filter(({ rule }) => rule.name === name)
    expect(found.map(({ from, to, cycle }) => [from, to, ...(cycle ?? []).map((step) => step.name)])).toEqual(
      [],
    )
  })
})

describe('files', () => {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'))

  test('no two files have the same basename', () => {
    const count = new Map<string, string[]>()
    for (const path of files) {
      const name = path.split('/').at(-1)!
      count.set(name, [...(count.get(name) ?? []), path])
    }
    expect([...count.values()].filter((paths) => paths.length > 1)).toEqual([])
  })

  test('only the command line declares with `using`, which fails in browsers without Symbol.dispose', () => {
    const declaring = files.filter((path) =>
      /^\s*(await )?using \w+ =/m.test(readFileSync(`src/${path}`, 'utf8')),
    )
    expect(declaring.length).toBeGreaterThan(0)
    expect(declaring.filter((path) => !path.startsWith('cli/'))).toEqual([])
  })

  test('no folder contains more than about 15 files', () => {
    const count = new Map<string, number>()
    for (const path of files) {
      const folder = path.split('/').slice(0, -1).join('/')
      count.set(folder, (count.get(folder) ?? 0) + 1)
    }
    expect([...count].filter(([, number]) => number > 16)).toEqual([])
  })

  test('docs/architecture.md describes every folder and no others', () => {
    const rows = [...readFileSync('docs/architecture.md', 'utf8').matchAll(/^\| `(src\/[^`]+)` \|/gm)].map(
      ([, path]) => path,
    )
    const folders = new Set(files.map((path) => `src/${path.split('/').slice(0, -1).join('/')}`))
    folders.delete('src/')
    expect(rows.sort()).toEqual([...folders].sort())
  })
})

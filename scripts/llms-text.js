// node scripts/llms-text.js
//
// Writes docs/public/llms.txt, which tells language models where the documentation is (llmstxt.org).
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { headOf, pages } from '../docs/pages.js'

const SITE = 'https://softmargin.github.io/softmargin/'
const PARTS = [
  ['', 'Reference'],
  ['guide/', 'Guide'],
  ['recipes/', 'Recipes for each host'],
  ['coming-from/', 'Coming from other tools'],
]

/** The text of the file, generated from the titles and descriptions of the pages. */
export function llmsText() {
  const read = (path) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')
  const { description } = JSON.parse(read('package.json'))
  const parts = PARTS.map(([folder, heading]) => {
    const own = pages().filter((page) => page !== 'index.md' && page.replace(/[^/]*$/, '') === folder)
    const lines = own.map((page) => {
      const head = headOf(read(`docs/${page}`))
      if (!head.title) throw new Error(`docs/${page} has no title`)
      const link = `- [${head.title}](${SITE}${page.replace(/\.md$/, '')})`
      return head.description ? `${link}: ${head.description}` : link
    })
    return `## ${heading}\n\n${lines.join('\n')}`
  })
  const usage = [
    'Install: `npm install softmargin`. Import `ImageClassifier`, `FeatureExtractor`, `FeatureStore` from `softmargin`; `SVC`,',
    '`GridSearchCV` and everything else that needs no pictures also from `softmargin/svm`; `spawn` from `softmargin/worker`. Every',
    'method that computes is async. Every error is a `SoftmarginError` with a stable `code`.',
  ].join('\n')
  return `# softmargin\n\n> ${description}\n\n${usage}\n\n${parts.join('\n\n')}\n`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(new URL('../docs/public/llms.txt', import.meta.url), llmsText())
}

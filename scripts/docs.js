// npm run docs [-- --serve]
//
// Builds the documentation site into docs/.vitepress/dist: the pages of docs/, and the API reference, which TypeDoc
// generates from the sources. The tools for this have their own lock file and are installed on the first run. `--serve`
// serves the site locally and reloads changed pages.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

process.chdir(fileURLToPath(new URL('../docs', import.meta.url)))
const run = (program, ...args) => execFileSync(program, args, { stdio: 'inherit' })
const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'

try {
  if (!existsSync('node_modules/vitepress')) run(npm, 'ci', '--no-audit', '--no-fund', '--ignore-scripts')
  run(process.execPath, '../scripts/llms-text.js')
  run(process.execPath, '../scripts/errors-page.js')
  run(process.execPath, 'node_modules/typedoc/bin/typedoc', '--options', 'typedoc.js', '--logLevel', 'Warn')
  const command = process.argv.includes('--serve') ? 'dev' : 'build'
  run(process.execPath, 'node_modules/vitepress/bin/vitepress.js', command, '.')
} catch (error) {
  // The program that failed has already printed its error.
  if (typeof error.status !== 'number') throw error
  process.exitCode = error.status
}

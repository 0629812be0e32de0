// npm run docs [-- --serve]
//
// Builds the documentation site into docs/.vitepress/dist: the pages of docs/, and the API reference, which TypeDoc makes
// from the sources. Its tools have a lock file of their own and are installed on the first run. `--serve` shows the site
// on this machine and follows changes of the pages.
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
  // What went wrong was printed by the program that failed.
  if (typeof error.status !== 'number') throw error
  process.exitCode = error.status
}

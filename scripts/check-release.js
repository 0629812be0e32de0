// node scripts/check-release.js v0.1.0
//
// Fails unless the tag, package.json and CHANGELOG.md have the same version.
import { readFileSync } from 'node:fs'

const [tag] = process.argv.slice(2)
const read = (path) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')
const { version } = JSON.parse(read('package.json'))
if (tag !== `v${version}`) {
  console.error(`the tag is ${tag}, but package.json says ${version}`)
  process.exitCode = 1
}
if (
  !new RegExp(`^## \\[${version.replaceAll('.', '\\.')}\\] - \\d{4}-\\d\\d-\\d\\d$`, 'm').test(
    read('CHANGELOG.md'),
  )
) {
  console.error(`CHANGELOG.md has no section "## [${version}] - <date>"`)
  process.exitCode = 1
}

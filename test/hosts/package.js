import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** Where hosts are installed: git knows nothing of it, `npm ci` neither. */
export const cache = join(root, '.cache/hosts')

/** Packs what is built, as it would be published, and installs that into a project of its own, for as long as this runs. */
export function installPackage() {
  const project = mkdtempSync(join(tmpdir(), 'softmargin-hosts-'))
  process.once('exit', () => rmSync(project, { recursive: true, force: true }))
  const [{ filename }] = JSON.parse(
    npm(root, ['pack', '--json', '--ignore-scripts', '--pack-destination', project]),
  )
  writeFileSync(join(project, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
  npm(project, ['install', '--prefer-offline', '--no-audit', '--no-fund', join(project, filename)])
  copyPrograms(project)
  return project
}

/** Puts the programs of this folder and the examples beside the installed package. */
function copyPrograms(project) {
  const from = fileURLToPath(new URL('.', import.meta.url))
  for (const name of readdirSync(from)) cpSync(join(from, name), join(project, name), { recursive: true })
  cpSync(join(root, 'test/fixtures/images/photo-500x375.jpg'), join(project, 'photo.jpg'))
  cpSync(join(root, 'examples'), join(project, 'examples'), { recursive: true })
}

/**
 * The folder of a package that holds a host's program, installed if it is not there.
 *
 * @param spec a package of npm, with a version if it matters
 */
export function installHost(spec) {
  const folder = join(cache, spec.replace(/[@/]/g, '-'))
  if (!existsSync(join(folder, 'node_modules'))) {
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true }))
    npm(folder, ['install', '--prefer-offline', '--no-audit', '--no-fund', spec])
  }
  return folder
}

/** Installs packages of Debian, where this is Debian and one may. @throws with what is missing */
export function installDebian(names) {
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    throw new Error(`missing: install ${names.join(', ')}`)
  }
  execFileSync('apt-get', ['update', '-qq'], { stdio: 'pipe' })
  execFileSync('apt-get', ['install', '-y', '--no-install-recommends', ...names], { stdio: 'pipe' })
}

function npm(cwd, args) {
  return execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

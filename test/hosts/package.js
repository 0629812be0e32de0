import { execFileSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** Where hosts are installed: ignored by git, and not part of `npm ci`. */
export const cache = join(root, '.cache/hosts')

/** The version of each host. */
const versions = {
  'node@22': '22.23.3',
  'node@24': '24.21.0',
  'node@26': '26.10.0',
  deno: '2.9.6',
  bun: '1.4.5',
  workerd: '1.20261117.1',
  'edge-runtime': '4.0.1',
  'puppeteer-core': '24.43.1',
  wrangler: '4.86.0',
}

/** Packs the build as it would be published, and installs it in a temporary project, which is deleted at exit. */
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

/** Copies the programs of this folder and the examples into the project. */
function copyPrograms(project) {
  const from = fileURLToPath(new URL('.', import.meta.url))
  for (const name of readdirSync(from).filter((file) => !file.endsWith('.test.ts'))) {
    cpSync(join(from, name), join(project, name), { recursive: true })
  }
  cpSync(join(root, 'test/fixtures/images/photo-500x375.jpg'), join(project, 'photo.jpg'))
  cpSync(join(root, 'examples'), join(project, 'examples'), { recursive: true })
}

/**
 * Returns the folder of a package that contains a host's program; installs it if necessary.
 *
 * @param host a name in `versions`, or an npm package with its version
 */
export function installHost(host) {
  const spec = host in versions ? `${host.split('@')[0]}@${versions[host]}` : host
  return installTools(host.replace(/[@/]/g, '-'), [spec])
}

/** Returns a folder with npm packages; installs them if necessary. @param specs packages with their versions */
export function installTools(name, specs) {
  const folder = join(cache, name)
  if (!existsSync(folder)) {
    mkdirSync(cache, { recursive: true })
    // Installed in a temporary folder, so that an interrupted installation leaves nothing behind.
    const part = mkdtempSync(join(cache, 'part-'))
    try {
      writeFileSync(join(part, 'package.json'), JSON.stringify({ private: true }))
      npm(part, ['install', '--prefer-offline', '--no-audit', '--no-fund', ...specs])
      // Another test may have installed it in the meantime.
      if (!existsSync(folder)) renameSync(part, folder)
    } finally {
      rmSync(part, { recursive: true, force: true })
    }
  }
  return folder
}

/** The hosts to skip, by the names that test:hosts prints. */
export function skippedHosts() {
  const names = (process.env.SKIP_HOSTS ?? '').split(',').map((name) => name.trim())
  return names.filter(Boolean)
}

/** Installs Debian packages, on Debian and with the necessary permission. @throws with the missing packages */
export function installDebian(names) {
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    throw new Error(`missing: install ${names.join(', ')}, or name this host in SKIP_HOSTS`)
  }
  execFileSync('apt-get', ['update', '-qq'], { stdio: 'pipe' })
  execFileSync(
    'apt-get',
    ['install', '-y', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=300', ...names],
    { stdio: 'pipe' },
  )
}

function npm(cwd, args) {
  return execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

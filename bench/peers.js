import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('.', import.meta.url))
const folder = `${here}.peers/`

/** Restricts every program to one thread. */
const environment = {
  ...process.env,
  OPENBLAS_NUM_THREADS: '1',
  OMP_NUM_THREADS: '1',
  MKL_NUM_THREADS: '1',
  BLIS_NUM_THREADS: '1',
}

/** The folder in which the other programs are built and installed and find their data. */
export function peersFolder() {
  mkdirSync(folder, { recursive: true })
  if (!existsSync(`${folder}package.json`)) writeFileSync(`${folder}package.json`, '{ "private": true }\n')
  return folder
}

/** Compiles one of the C programs; throws if there is no compiler or header. */
export function compile(name, flags, libraries = []) {
  const output = `${peersFolder()}${name}`
  execFileSync('gcc', [...flags, `${here}peers/${name}.c`, '-o', output, ...libraries], { stdio: 'pipe' })
  return output
}

/**
 * All programs in the comparison: `name`, `command(job, jobPath)`, `refuses(job)` (the reason if a job is not suitable),
 * or `absent` (the reason if the program is not available).
 */
export function findPeers(node) {
  const ours = ['relaxed', 'strict'].map((simd) => ({
    name: `softmargin ${simd}`,
    command: (_, path) => [node, `${here}peers/softmargin.js`, simd, path],
  }))
  return [...ours, scikitLearn(), libsvm(), ...javascriptPeers(node)]
}

function scikitLearn() {
  const name = 'scikit-learn'
  for (const python of ['/usr/bin/python3', 'python3']) {
    try {
      const code = 'import sklearn; print(sklearn.__version__)'
      const version = execFileSync(python, ['-c', code], { stdio: 'pipe' }).toString().trim()
      return { name, version, command: (_, path) => [python, `${here}peers/scikit_learn.py`, path] }
    } catch {}
  }
  return { name, absent: 'no Python with scikit-learn (Debian: python3-sklearn)' }
}

function libsvm() {
  const name = 'LIBSVM'
  try {
    const binary = compile('libsvm', ['-O3', '-march=native'], ['-lsvm', '-lm'])
    return {
      name,
      refuses: (job) => job.grid && 'has no grid search',
      command: (job) => [
        binary,
        ...[job.train, job.trainLabels, job.rows, job.test, job.testLabels, job.testRows, job.cols].map(
          String,
        ),
        ...[job.kernel, job.C, job.gamma, job.repeat].map(String),
        ...Object.entries(job.classWeight ?? {}).flatMap(([label, weight]) => [label, String(weight)]),
      ],
    }
  } catch {
    return { name, absent: 'cannot be compiled (Debian: gcc, libsvm-dev)' }
  }
}

function javascriptPeers(node) {
  const names = ['libsvm-js', 'ml-svm']
  if (!names.every((name) => existsSync(`${peersFolder()}node_modules/${name}`))) {
    console.log(`Fetching ${names.join(' and ')} from npm into bench/.peers`)
    try {
      const flags = ['--prefix', folder, '--no-audit', '--no-fund', '--ignore-scripts']
      execFileSync('npm', ['install', ...flags, ...names], { stdio: 'ignore' })
    } catch {}
  }
  const refuses = {
    'libsvm-js': (job) =>
      (job.grid && 'has no grid search') || (job.rows > 10_000 && 'takes too long beyond 10,000 rows'),
    'ml-svm': (job) =>
      (job.grid && 'has no grid search') ||
      (job.classes > 2 && 'knows two classes only') ||
      (job.rows > 1500 && 'takes too long beyond 1,500 rows'),
  }
  return names.map((name) =>
    existsSync(`${folder}node_modules/${name}`)
      ? { name, refuses: refuses[name], command: (_, path) => [node, `${here}peers/${name}.js`, path] }
      : { name, absent: 'not installed, and npm could not fetch it' },
  )
}

/** Runs a program on a job in a separate process. Returns what it printed, or `{ failed }`. */
export function runPeer(peer, job, jobPath, limitSeconds) {
  const [program, ...args] = peer.command(job, jobPath)
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      env: environment,
      timeout: limitSeconds * 1000,
      killSignal: 'SIGKILL',
    })
    let output = ''
    let errors = ''
    child.stdout.on('data', (chunk) => (output += chunk))
    child.stderr.on('data', (chunk) => (errors += chunk))
    child.on('error', (error) => resolve({ failed: error.message }))
    child.on('close', (code, signal) => {
      if (signal === 'SIGKILL') resolve({ failed: `stopped after ${limitSeconds} s` })
      else if (code !== 0) resolve({ failed: errors.match(/^.*Error.*$/m)?.[0] ?? `exit code ${code}` })
      else resolve(JSON.parse(lastLine(output)))
    })
  })
}

function lastLine(text) {
  return text.trim().split('\n').at(-1)
}

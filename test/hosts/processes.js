import { execFile, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { checkAnswer } from './example-data.js'
import { installHost } from './package.js'
import { freePort, waitForPort } from './ports.js'

const start = promisify(execFile)

/** The program of a major version of Node: the current one, or an installed one. */
export function nodeProgram(version) {
  if (process.versions.node.startsWith(`${version}.`)) return process.execPath
  const modules = join(installHost(`node@${version}`), 'node_modules')
  // The package copies its binary from a package for the platform. Where its install script may not run, use that one.
  const platformPackage = readdirSync(modules).find((name) => /^node-(linux|darwin|win)-/.test(name))
  return join(modules, platformPackage ?? 'node', 'bin/node')
}

export function node(version) {
  const program = () => nodeProgram(version)
  return {
    name: `Node ${version}`,
    run: commandLine(program, []),
    check: (project) => checkFacade(project, program(), [], { using: version >= 24 }),
  }
}

const denoProgram = () => join(installHost('deno'), 'node_modules/.bin/deno')
/** The permissions that the package needs: for its files, and for what ONNX Runtime reads about the system. */
const denoRun = ['run', '--allow-read', '--allow-env', '--allow-sys']

export const deno = {
  name: 'Deno',
  run: commandLine(denoProgram, denoRun),
  async example(project, { folder }) {
    const file = join(project, 'trained.onnx')
    const args = [...denoRun, '--allow-write', 'examples/deno/train.js', folder, file]
    const { stdout } = await start(denoProgram(), args, { cwd: project, timeout: 120_000 })
    const [, accuracy] = /hold-out accuracy ([\d.]+)/.exec(stdout)
    if (Number(accuracy) < 0.8 || readFileSync(file).length === 0) throw new Error(stdout)
  },
  check: (project) => checkFacade(project, denoProgram(), denoRun),
}

const bunProgram = () => join(installHost('bun'), 'node_modules/.bin/bun')

export const bun = {
  name: 'Bun',
  run: commandLine(bunProgram, []),
  async example(project, { classifier, first }) {
    const port = await freePort()
    const args = ['examples/bun/serve.js', classifier, String(port)]
    const child = spawn(bunProgram(), args, { cwd: project, stdio: 'inherit' })
    try {
      await waitForPort(port, child)
      const post = (body) => fetch(`http://127.0.0.1:${port}`, { method: 'POST', body })
      await checkAnswer(post, first.bytes, first.label)
    } finally {
      child.kill()
    }
  },
  check: (project) => checkFacade(project, bunProgram(), []),
}

/**
 * Workers that are terminated, disposed of and forgotten. A process that does not end is killed, and the test fails.
 */
async function checkFacade(project, program, args, { using = true } = {}) {
  const outputs = { 'facade.js': 'WORKER_LOST WORKER_LOST DISPOSED' }
  if (using) outputs['using.js'] = 'DISPOSED'
  for (const [script, wanted] of Object.entries(outputs)) {
    const { stdout } = await start(program, [...args, script], { cwd: project, timeout: 120_000 })
    if (stdout.trim() !== wanted) throw new Error(`${script} prints ${stdout} instead of ${wanted}`)
  }
}

function commandLine(findProgram, args) {
  return async (project) => {
    const program = findProgram()
    const options = { cwd: project, timeout: 300_000, maxBuffer: 2 ** 24 }
    const { stdout: version } = await start(program, ['--version'], options)
    const { stdout } = await start(program, [...args, 'command-line.js'], options)
    const [, number] = /(\d+\.\d+\.\d+)/.exec(version)
    return JSON.parse(stdout).map((row) => ({ version: number, ...row }))
  }
}

import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { installHost } from './package.js'

const start = promisify(execFile)

/** A version of Node other than the one that runs this. */
export function node(version) {
  const program = () => {
    if (process.versions.node.startsWith(`${version}.`)) return process.execPath
    const modules = join(installHost(`node@${version}`), 'node_modules')
    // The package takes the binary from one for this machine; where its install script may not run, it lies there.
    const own = readdirSync(modules).find((name) => /^node-(linux|darwin|win)-/.test(name))
    return join(modules, own ?? 'node', 'bin/node')
  }
  return { name: `Node ${version}`, run: commandLine(program, []) }
}

export const deno = {
  name: 'Deno',
  // Read: the package, its wasm and the temporary files of none; sys and env: ONNX Runtime looks for cores.
  run: commandLine(
    () => join(installHost('deno'), 'node_modules/.bin/deno'),
    ['run', '--allow-read', '--allow-env', '--allow-sys'],
  ),
}

export const bun = {
  name: 'Bun',
  run: commandLine(() => join(installHost('bun'), 'node_modules/.bin/bun'), []),
}

function commandLine(findProgram, args) {
  return async (project) => {
    const program = findProgram()
    const options = { cwd: project, timeout: 180_000, maxBuffer: 2 ** 24 }
    const { stdout: version } = await start(program, ['--version'], options)
    const { stdout } = await start(program, [...args, 'command-line.js'], options)
    const [, number] = /(\d+\.\d+\.\d+)/.exec(version)
    return JSON.parse(stdout).map((row) => ({ version: number, ...row }))
  }
}

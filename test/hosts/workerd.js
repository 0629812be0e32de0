import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { build } from 'esbuild'
import { installHost } from './package.js'

/** Cloudflare's runtime. */
export const workerd = {
  name: 'workerd',
  async run(project) {
    const folder = await bundle(join(project, 'workerd/worker.js'), join(project, 'workerd/built'))
    const running = await startWorkerd(folder)
    try {
      const response = await fetch(running.url)
      if (!response.ok) throw new Error(await response.text())
      return (await response.json()).map((row) => ({ version: running.version, ...row }))
    } finally {
      running.stop()
    }
  },
}

/** Bundles a worker as wrangler does: WebAssembly and data stay files of their own. */
export async function bundle(entry, folder) {
  rmSync(folder, { recursive: true, force: true })
  await build({
    entryPoints: { worker: entry },
    outdir: folder,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    conditions: ['workerd', 'worker', 'browser', 'import'],
    loader: { '.wasm': 'copy', '.onnx': 'copy' },
    logLevel: 'error',
  })
  return folder
}

/** Starts workerd with what `bundle` made. */
export async function startWorkerd(folder) {
  const program = join(installHost('workerd'), 'node_modules/workerd/bin/workerd')
  const modules = readdirSync(folder)
    .filter((name) => /\.(js|wasm|onnx)$/.test(name))
    // The first one is the worker itself.
    .sort((a, b) => Number(b === 'worker.js') - Number(a === 'worker.js'))
    .map((name) => {
      const kind = name.endsWith('.js') ? 'esModule' : name.endsWith('.wasm') ? 'wasm' : 'data'
      return `(name = "${name}", ${kind} = embed "${name}")`
    })
  const port = await freePort()
  const config = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .worker)],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  modules = [${modules.join(', ')}],
  compatibilityDate = "2025-09-01",
);
`
  writeFileSync(join(folder, 'config.capnp'), config)
  const child = spawn(program, ['serve', join(folder, 'config.capnp')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', (text) => {
    said += text
  })
  const url = `http://127.0.0.1:${port}/`
  for (const end = Date.now() + 10_000; !(await answers(port)); ) {
    if (Date.now() > end || child.exitCode !== null) throw new Error(`workerd does not start: ${said}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  const { default: about } = await import(join(installHost('workerd'), 'node_modules/workerd/package.json'), {
    with: { type: 'json' },
  })
  return { url, version: about.version, pid: child.pid, stop: () => child.kill() }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  return port
}

function answers(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

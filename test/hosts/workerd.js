import { spawn } from 'node:child_process'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { checkAnswer } from './example-data.js'
import { installHost } from './package.js'
import { answers, freePort } from './ports.js'

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
  async example(project, { first }) {
    const examples = join(project, 'examples/cloudflare-worker')
    for (const [name, body, label] of [
      ['classify', first.bytes, first.label],
      ['decide', JSON.stringify([4, 5]), 2],
    ]) {
      const folder = await bundle(join(examples, `${name}.js`), join(examples, 'built', name))
      const start = performance.now()
      const running = await startWorkerd(folder)
      try {
        const listening = performance.now()
        await checkAnswer((body) => fetch(running.url, { method: 'POST', body }), body, label)
        const answered = performance.now()
        const [, memory] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${running.pid}/status`, 'utf8'))
        console.log(
          `workerd, ${name}: ${Math.round(gzipped(folder) / 1000)} kB gzipped, starts in ${Math.round(listening - start)} ms, ` +
            `first answer ${Math.round(answered - listening)} ms later, ${Math.round(memory / 1000)} MB`,
        )
      } finally {
        running.stop()
      }
    }
  },
}

/** Bytes of all that is deployed, gzipped. */
function gzipped(folder) {
  const files = readdirSync(folder).filter((name) => !name.endsWith('.capnp'))
  return files.reduce((sum, name) => sum + gzipSync(readFileSync(join(folder, name))).length, 0)
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
    // What is imported when it is needed is a file of its own.
    splitting: true,
    loader: { '.wasm': 'copy', '.onnx': 'copy', '.libsvm': 'text' },
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
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  await answers(port, child)
  const { default: about } = await import(join(installHost('workerd'), 'node_modules/workerd/package.json'), {
    with: { type: 'json' },
  })
  return {
    url: `http://127.0.0.1:${port}/`,
    version: about.version,
    pid: child.pid,
    stop: () => child.kill(),
  }
}

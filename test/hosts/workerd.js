import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { checkAnswer } from './example-data.js'
import { installHost } from './package.js'
import { freePort, waitForPort } from './ports.js'

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
    const empty = join(examples, 'built/empty')
    mkdirSync(empty, { recursive: true })
    writeFileSync(join(empty, 'worker.js'), 'export default { fetch: () => Response.json({ label: 0 }) }')
    const rows = [
      ['nothing', empty, '', 0],
      ['decide', deploy(examples, 'decide'), JSON.stringify([4, 5]), 2],
      ['classify', deploy(examples, 'classify'), first.bytes, first.label],
    ]
    // The first one runs twice, because the first request also includes the client's cold start.
    for (const [name, folder, body, label] of [rows[0], ...rows]) {
      const starts = []
      for (let i = 0; i < 5; i++) starts.push(await coldStart(folder, body, label))
      const median = (what) => starts.map((start) => start[what]).sort((a, b) => a - b)[2]
      const ms = (what) => `${median(what).toFixed(1)} ms`
      console.log(
        `workerd, ${name}: ${(gzipped(folder) / 1000).toFixed(1)} kB gzipped; of 5 cold starts the median: listens after ` +
          `${ms('listens')}, first answer in ${ms('first')} (${ms('work')} of the processor), second in ` +
          `${ms('second')}, ${(median('memory') / 1000).toFixed(0)} MB resident`,
      )
    }
  },
}

/** Bundles an example as it would be deployed to Cloudflare, with Cloudflare's own tool. */
function deploy(examples, name) {
  const folder = join(examples, 'built', name)
  const program = join(installHost('wrangler'), 'node_modules/wrangler/bin/wrangler.js')
  execFileSync(process.execPath, [program, 'deploy', '--dry-run', '--outdir', folder, `${name}.js`], {
    cwd: examples,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, WRANGLER_SEND_METRICS: 'false', CI: '1' },
  })
  for (const file of readdirSync(folder)) if (/\.(map|md)$/.test(file)) rmSync(join(folder, file))
  renameSync(join(folder, `${name}.js`), join(folder, 'worker.js'))
  return folder
}

/** Starts a worker in a new process and posts to it twice. @returns milliseconds and kB */
async function coldStart(folder, body, label) {
  const start = performance.now()
  const running = await startWorkerd(folder)
  try {
    const post = (body) => fetch(running.url, { method: 'POST', body })
    const listens = performance.now()
    const worked = processorTime(running.pid)
    await checkAnswer(post, body, label)
    const first = performance.now()
    const work = processorTime(running.pid) - worked
    await checkAnswer(post, body, label)
    const second = performance.now()
    const [, memory] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${running.pid}/status`, 'utf8'))
    return {
      listens: listens - start,
      first: first - listens,
      second: second - first,
      work,
      memory: Number(memory),
    }
  } finally {
    running.stop()
  }
}

/** CPU milliseconds of all threads of a process, which other work on the machine does not affect. */
function processorTime(pid) {
  const threads = readdirSync(`/proc/${pid}/task`)
  const times = threads.map((id) => readFileSync(`/proc/${pid}/task/${id}/schedstat`, 'utf8').split(' ')[0])
  return times.reduce((sum, nanoseconds) => sum + Number(nanoseconds), 0) / 1e6
}

/** Gzipped bytes of the deployed code, without the trained file, which is the user's. */
function gzipped(folder) {
  const files = readdirSync(folder).filter((name) => /\.(js|wasm)$/.test(name))
  return files.reduce((sum, name) => sum + gzipSync(readFileSync(join(folder, name)), { level: 9 }).length, 0)
}

/** Bundles a worker; WebAssembly and data remain separate files. */
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
    loader: { '.wasm': 'copy', '.onnx': 'copy', '.libsvm': 'text' },
    logLevel: 'error',
  })
  return folder
}

const kinds = { '.js': 'esModule', '.wasm': 'wasm', '.onnx': 'data', '.libsvm': 'text' }

/** Starts workerd with a worker and its imports. */
export async function startWorkerd(folder) {
  const program = join(installHost('workerd'), 'node_modules/workerd/bin/workerd')
  const modules = readdirSync(folder)
    .filter((name) => /\.(js|wasm|onnx|libsvm)$/.test(name))
    // The worker itself must come first.
    .sort((a, b) => Number(b === 'worker.js') - Number(a === 'worker.js'))
    .map((name) => {
      return `(name = "${name}", ${kinds[extname(name)]} = embed "${name}")`
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
  await waitForPort(port, child)
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

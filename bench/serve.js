// npm run bench -- serve [--quick]
//
// Measures a classifier behind node:http with 50 clients in another process. Each client keeps its connection, sends one
// picture, waits for the answer and repeats. Prints the latency of requests and the longest turns of the server's event
// loop, and for comparison the time of a single call on 8 pictures. Then the same clients ask `softmargin serve`, on one
// thread and on two.
import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { connect } from 'node:net'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const clients = 50
const me = fileURLToPath(import.meta.url)

if (process.send) await askAll()
else await serve()

async function serve() {
  const { ImageClassifier } = await import('../dist/lib/index.js')
  const seconds = process.argv.includes('--quick') ? 3 : 15
  const pictures = await pngFiles(200)
  const classifier = await ImageClassifier.create({ extractor: { layer: 'stage3', pooling: { grid: 2 } } })
  await classifier.fit(
    pictures.map(({ bytes }) => bytes),
    pictures.map(({ label }) => label),
  )
  const eight = pictures.slice(0, 8).map(({ bytes }) => bytes)
  const alone = []
  for (let i = 0; i < 50; i++) {
    const began = performance.now()
    await classifier.predict(eight)
    alone.push(performance.now() - began)
  }

  const server = createServer((incoming, response) => {
    const chunks = []
    incoming.on('data', (chunk) => chunks.push(chunk))
    incoming.on('end', async () => {
      const [label] = await classifier.predict([new Uint8Array(Buffer.concat(chunks))])
      response.end(String(label))
    })
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const turns = []
  let last
  let isWatching = false
  const tick = () => {
    const now = performance.now()
    turns.push(now - last)
    last = now
    if (isWatching) setImmediate(tick)
  }
  const onWarm = () => {
    isWatching = true
    last = performance.now()
    setImmediate(tick)
  }
  const times = await ask({ port: server.address().port, seconds, pictures }, onWarm)
  isWatching = false
  server.close()
  server.closeAllConnections()
  const folder = mkdtempSync(join(tmpdir(), 'softmargin-bench-'))
  const file = join(folder, 'digits.onnx')
  writeFileSync(file, await classifier.save())
  classifier.dispose()

  const show = (name, values) => {
    const sorted = [...values].sort((a, b) => a - b)
    const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))].toFixed(1)
    console.log(
      `${name.padEnd(34)} p50 ${at(0.5).padStart(7)}   p99 ${at(0.99).padStart(7)}   most ${at(1).padStart(7)} ms`,
    )
    return sorted
  }
  console.log(`${cpus()[0]?.model.trim()}, Node ${process.versions.node}; ${clients} clients, ${seconds} s\n`)
  console.log(`${(times.length / seconds).toFixed(0)} requests a second`)
  const sorted = show('a request', times)
  show(
    'a turn of the event loop',
    turns.filter((time) => time > 1),
  )
  show('one call on 8 pictures, by itself', alone)
  const [p50, p99] = [0.5, 0.99].map((share) => sorted[Math.floor(share * sorted.length)])
  console.log(`p99 is ${(p99 / p50).toFixed(2)} times p50`)

  console.log('\nsoftmargin serve, in turns:')
  const rates = new Map([1, 2].map((threads) => [threads, []]))
  try {
    for (let round = 0; round < (seconds > 5 ? 3 : 1); round++) {
      for (const [threads, own] of rates) {
        const all = await served(file, threads, { seconds, pictures })
        own.push(all.length / seconds)
        const [half, most] = show(`${threads} threads, ${own.at(-1).toFixed(0)} requests a second`, all)
          .filter((_, i, { length }) => i === Math.floor(length / 2) || i === Math.floor(0.99 * length))
          .values()
        console.log(`  p99 is ${(most / half).toFixed(2)} times p50`)
      }
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
  const [one, two] = [...rates.values()].map((own) => Math.max(...own))
  console.log(`2 threads answer ${(two / one).toFixed(2)} times the requests of one`)
}

/** The times of requests to `softmargin serve` with this number of threads. */
async function served(file, threads, { seconds, pictures }) {
  const program = fileURLToPath(new URL('../dist/lib/cli.js', import.meta.url))
  const child = spawn(process.execPath, [program, 'serve', file, '--port', '0', '--threads', String(threads)])
  try {
    const [url] = await once(child.stdout, 'data')
    return await ask({ port: Number(new URL(String(url).trim()).port), seconds, pictures, path: '/classify' })
  } finally {
    child.kill()
  }
}

/** Sends requests to a server from clients in another process. Returns the duration of each request, in ms. */
async function ask({ port, seconds, pictures, path = '/' }, onWarm = () => {}) {
  const child = fork(me)
  child.send({ port, path, seconds, pictures: pictures.map(({ bytes }) => [...bytes]) })
  try {
    return await new Promise((resolve, reject) => {
      child.on('exit', (code) => reject(new Error(`the clients ended with ${code}`)))
      child.on('message', (message) => (message === 'warm' ? onWarm() : resolve(message)))
    })
  } finally {
    child.kill()
  }
}

/** The clients, which run in the other process. */
async function askAll() {
  const { port, path, seconds, pictures } = await new Promise((resolve) => process.once('message', resolve))
  const requests = pictures.map((bytes) => {
    const head = `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: image/png\r\ncontent-length: ${bytes.length}\r\n\r\n`
    return Buffer.concat([Buffer.from(head), Buffer.from(bytes)])
  })
  const connections = await Promise.all(Array.from({ length: clients }, () => connection(port)))
  const times = []
  let end = performance.now() + 3000
  let isWarm = false
  const client = async (ask, which) => {
    for (let i = which; performance.now() < end; i++) {
      const began = performance.now()
      await ask(requests[i % requests.length])
      if (isWarm) times.push(performance.now() - began)
    }
  }
  await Promise.all(connections.map(client))
  process.send('warm')
  isWarm = true
  end = performance.now() + 1000 * seconds
  await Promise.all(connections.map(client))
  process.send(times)
}

/**
 * Opens a connection, which is kept. The clients share the cores of the server, so they write whole requests to bare
 * sockets: a client of node:http takes several times as long for a request.
 *
 * @returns sends a request and waits for the end of the answer
 */
async function connection(port) {
  const socket = connect(port, '127.0.0.1').setNoDelay()
  await once(socket, 'connect')
  let received = Buffer.alloc(0)
  let waiting
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk])
    const end = received.indexOf('\r\n\r\n')
    if (end < 0) return
    const head = received.toString('latin1', 0, end)
    const length = /^content-length: (\d+)$/im.exec(head)
    if (!head.startsWith('HTTP/1.1 200 ') || !length)
      return waiting.reject(new Error(`the answer is ${head}`))
    if (received.length < end + 4 + Number(length[1])) return
    received = Buffer.alloc(0)
    waiting.resolve()
  })
  socket.on('close', () => waiting?.reject(new Error('the server closed a connection')))
  return (bytes) =>
    new Promise((resolve, reject) => {
      waiting = { resolve, reject }
      socket.write(bytes)
    })
}

/** Handwritten digits of two kinds as PNG files. */
async function pngFiles(count) {
  const require = createRequire(import.meta.url)
  const { readFileSync } = await import('node:fs')
  const { default: encode, init } = await import('@jsquash/png/encode.js')
  const codec = require.resolve('@jsquash/png/codec/pkg/squoosh_png_bg.wasm')
  await init(await WebAssembly.compile(readFileSync(codec)))
  const files = []
  for (let i = 0; i < count; i++) {
    const label = i % 2
    const grey = require(`mnist/src/digits/${label}.json`).data.slice((i >> 1) * 784, ((i >> 1) + 1) * 784)
    const data = new Uint8ClampedArray(784 * 4).fill(255)
    for (let k = 0; k < 784; k++) data.fill(grey[k] * 255, 4 * k, 4 * k + 3)
    files.push({ label, bytes: new Uint8Array(await encode({ data, width: 28, height: 28 })) })
  }
  return files
}

import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { FileServer } from '../support/file-server.ts'
import { installHost } from './package.js'

/** How each host runs a program with all permissions, so that Deno's permissions do not hide a failure. */
const hosts: Record<string, () => string[]> = {
  Node: () => [process.execPath],
  Deno: () => [join(installHost('deno'), 'node_modules/.bin/deno'), 'run', '--allow-all'],
  Bun: () => [join(installHost('bun'), 'node_modules/.bin/bun')],
}

const program = `
import { download } from './src/host/download/download.ts'
import { readSource } from './src/host/storage/read-source.ts'
import { streamBytes } from './src/host/storage/byte-stream.ts'
const drain = async (pieces) => { for await (const piece of pieces) return piece }
const url = process.argv.at(-1)
const reads = [() => download(url, 'model', { cache: false }), () => readSource(url), () => drain(streamBytes(url))]
for (const read of reads) {
  await read().then((bytes) => console.log('read', new TextDecoder().decode(bytes)), (error) => console.log(error.code, error.message))
}`

let folder: string
let server: FileServer
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'softmargin-'))
  server = await FileServer.start()
  writeFileSync(join(folder, 'secret'), 'secret')
  server.answers.set('/away', pathToFileURL(join(folder, 'secret')).href)
  await build({
    stdin: { contents: program, resolveDir: process.cwd() },
    outfile: join(folder, 'read.mjs'),
    bundle: true,
    format: 'esm',
    platform: 'node',
    logLevel: 'error',
  })
})
afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true })
})

it.each(Object.keys(hosts))(
  '%s does not follow a redirect to a local file',
  async (name) => {
    const [runtime, ...before] = hosts[name]()
    const stdout = await new Promise<string>((resolve, reject) => {
      const args = [...before, join(folder, 'read.mjs'), `${server.origin}/away`]
      execFile(runtime, args, (error, text) => (error ? reject(error) : resolve(text)))
    })
    const lines = stdout.trim().split('\n')
    expect(lines).toHaveLength(3)
    for (const line of lines) expect(line).toMatch(/^FILE_UNREADABLE .* it redirects to a file: URL/)
  },
  300_000,
)

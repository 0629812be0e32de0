import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ImageClassifier } from '../../src/index.ts'
import { digit, pngOf } from '../support/digits.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const node = (...args: string[]) => execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' })

let folder: string
let model: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'softmargin-'))
  model = join(folder, 'resnet18.onnx')
  node('scripts/resnet18.js', model)
})
afterAll(() => rmSync(folder, { recursive: true }))

describe('the Node examples, on a ResNet-18 and real digits', () => {
  const accuracyOf = (output: string) => Number(/^accuracy (.*)$/m.exec(output)![1])

  it.each([
    ['last-layer', 512],
    ['inner-layer', 256 * 14 * 14],
  ])('%s', (name, features) => {
    const output = node(`examples/node/${name}.js`, model, '5')
    expect(output).toContain(`features ${features}\n`)
    expect(accuracyOf(output)).toBeGreaterThanOrEqual(0.4)
  })

  it('grid-search', () => {
    const output = node('examples/node/grid-search.js', model, '5')
    expect(output).toMatch(/best parameters \{ C: [\d.]+, gamma: \S+, kernel: '(rbf|linear)' \}/)
    expect(accuracyOf(output)).toBeGreaterThanOrEqual(0.4)
  })
})

it("fine-tune: the CNN learns digits, and the SVM's accuracy is reported", () => {
  const output = node('examples/node/fine-tune.js', '12', '2')
  expect(output).toMatch(/^tuned (true|false) \{$/m)
  for (const name of ['frozen', 'tuned']) {
    const accuracy = Number(new RegExp(`^${name} accuracy (.*)$`, 'm').exec(output)![1])
    expect(accuracy).toBeGreaterThan(0.7)
  }
})

it('serve: classifies pictures within limits, and answers the open request when it ends', async () => {
  const pictures = await Promise.all(
    Array.from({ length: 20 }, async (_, i) => new Uint8Array(await pngOf(digit(i % 2 === 0 ? 1 : 8, i)))),
  )
  const labels = pictures.map((_, i) => (i % 2 === 0 ? 'one' : 'eight'))
  const file = join(folder, 'digits.onnx')
  using classifier = await ImageClassifier.create()
  await classifier.fit(pictures, labels)
  writeFileSync(file, await classifier.save())

  const server = spawn(process.execPath, ['examples/node/serve.js', file, '0'], { cwd: root })
  try {
    const [line] = (await once(server.stdout, 'data')) as [Buffer]
    const url = String(line).trim()
    const post = async (body: Uint8Array<ArrayBuffer> | string) => {
      const response = await fetch(`${url}/classify`, { method: 'POST', body })
      return { status: response.status, body: await response.json() }
    }
    const health = await fetch(`${url}/health`)
    expect(await health.json()).toEqual({ status: 'ok', classes: ['eight', 'one'] })
    const answers = await Promise.all(pictures.map(post))
    expect(answers).toEqual(labels.map((label) => ({ status: 200, body: { label } })))
    expect((await post('no picture')).status).toBe(400)
    expect((await post(new Uint8Array(11_000_000))).status).toBe(413)
    expect((await fetch(`${url}/other`)).status).toBe(404)

    // A request that the server has begun to read when it is told to end.
    const open = request(`${url}/classify`, { method: 'POST', headers: { expect: '100-continue' } })
    open.flushHeaders()
    await once(open, 'continue')
    const exit = once(server, 'exit')
    server.kill('SIGTERM')
    const isListening = () =>
      fetch(`${url}/health`).then(
        () => true,
        () => false,
      )
    while (await isListening());
    open.end(pictures[0])
    const [response] = await once(open, 'response')
    const chunks: Buffer[] = []
    for await (const chunk of response) chunks.push(chunk)
    expect(JSON.parse(String(Buffer.concat(chunks)))).toEqual({ label: 'one' })
    expect(await exit).toEqual([0, null])
  } finally {
    server.kill('SIGKILL')
  }
})

it('explain: a map of the digit is printed', () => {
  const [first, ...rows] = node('examples/node/explain.js', '12').trimEnd().split('\n')
  expect(first).toMatch(/^label 4, score \d\.\d\d$/)
  expect(rows).toHaveLength(8)
  for (const row of rows) expect(row).toMatch(/^[#.-]{16}$/)
  expect(rows.join('')).toContain('##')
})

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ImageClassifier } from '../../src/index.ts'
import { program, softmargin } from '../support/cli.ts'
import { digit, pngOf } from '../support/digits.ts'

const folder = mkdtempSync(join(tmpdir(), 'softmargin-serve-'))
const model = join(folder, 'digits.onnx')
const sure = join(folder, 'sure.onnx')
let pictures: Uint8Array<ArrayBuffer>[]

beforeAll(async () => {
  pictures = await Promise.all(
    Array.from({ length: 40 }, async (_, i) => new Uint8Array(await pngOf(digit(i % 2 === 0 ? 1 : 8, i)))),
  )
  const labels = pictures.map((_, i) => (i % 2 === 0 ? 'one' : 'eight'))
  for (const [file, probability] of [
    [model, false],
    [sure, true],
  ] as const) {
    using classifier = await ImageClassifier.create({ svm: { probability } })
    await classifier.fit(pictures, labels)
    writeFileSync(file, await classifier.save())
  }
}, 120_000)

const running: ChildProcess[] = []
afterAll(() => {
  for (const child of running) child.kill('SIGKILL')
  rmSync(folder, { recursive: true })
})

interface Serving {
  url: string
  child: ChildProcess
  /** The exit code and the output to stderr. */
  ended: Promise<{ code: number | null; stderr: string }>
}

async function serve(file: string, ...args: string[]): Promise<Serving> {
  const child = spawn(process.execPath, [program, 'serve', file, '--port', '0', ...args])
  running.push(child)
  let stderr = ''
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  const ended = new Promise<{ code: number | null; stderr: string }>((resolve) => {
    child.on('close', (code) => resolve({ code, stderr }))
  })
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (chunk) => resolve(String(chunk).trim()))
    ended.then(({ stderr: said }) => reject(new Error(said)))
  })
  return { url, child, ended }
}

const post = (url: string, body: BodyInit, type = 'image/png') =>
  fetch(url, { method: 'POST', body, headers: { 'content-type': type } })

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')

/** Begins a request whose body the test writes in parts. */
function begin(url: string): { asked: ClientRequest; answer: Promise<{ status: number; body: string }> } {
  const asked = request(`${url}/classify`, { method: 'POST', headers: { 'content-type': 'image/png' } })
  const answer = new Promise<{ status: number; body: string }>((resolve, reject) => {
    asked.on('error', reject)
    asked.on('response', async (response: IncomingMessage) => {
      let body = ''
      for await (const chunk of response) body += chunk
      resolve({ status: response.statusCode!, body })
    })
  })
  answer.catch(() => {})
  return { asked, answer }
}

describe('softmargin serve', () => {
  it('returns what predict returns, for one image or several, and reports broken images', async () => {
    const { url, child, ended } = await serve(model)
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    using classifier = await ImageClassifier.load(model)
    const labels = await classifier.predict(pictures)
    const answers = await Promise.all(
      pictures.map(async (bytes) => (await post(`${url}/classify`, bytes)).json()),
    )
    expect(answers).toEqual(labels.map((label) => ({ results: [{ label }] })))
    const images = [base64(pictures[0]), base64(new TextEncoder().encode('no picture')), base64(pictures[1])]
    const several = await post(
      `${url}/classify`,
      JSON.stringify({ images }),
      'application/json; charset=utf-8',
    )
    expect(several.status).toBe(200)
    expect(await several.json()).toEqual({
      results: [
        { label: labels[0] },
        { error: { code: 'IMAGE_UNREADABLE', message: expect.stringContaining('images[1]') } },
        { label: labels[1] },
      ],
    })
    const none = await post(
      `${url}/classify`,
      JSON.stringify({ images: [images[1], images[1]] }),
      'application/json',
    )
    const unreadable = (i: number) => ({
      error: { code: 'IMAGE_UNREADABLE', message: expect.stringContaining(`images[${i}]`) },
    })
    expect([none.status, await none.json()]).toEqual([200, { results: [unreadable(0), unreadable(1)] }])
    const health = await fetch(`${url}/health`)
    expect([health.status, await health.json()]).toEqual([200, { status: 'ok', classes: ['eight', 'one'] }])
    child.kill('SIGTERM')
    expect((await ended).code).toBe(0)
  })

  it('returns probabilities by class, highest first, if there are any', async () => {
    const { url, child } = await serve(sure, '--threads', '1')
    using classifier = await ImageClassifier.load(sure)
    const [ranked] = await classifier.classify([pictures[3]])
    const [label] = await classifier.predict([pictures[3]])
    const ask = async (query: string) => (await post(`${url}/classify${query}`, pictures[3])).json()
    expect(await ask('')).toEqual({ results: [{ label, classes: ranked }] })
    expect(await ask('?top=1')).toEqual({ results: [{ label, classes: ranked.slice(0, 1) }] })
    child.kill('SIGTERM')
  })

  it('rejects invalid requests and keeps running', async () => {
    const { url, child } = await serve(model, '--max-bytes', '5000', '--max-images', '2')
    const refusals: [Promise<Response>, number, string][] = [
      [fetch(`${url}/nothing`), 404, 'NOT_FOUND'],
      [fetch(`${url}/classify`), 405, 'METHOD_NOT_ALLOWED'],
      [post(`${url}/health`, 'x'), 405, 'METHOD_NOT_ALLOWED'],
      [post(`${url}/classify`, 'hello', 'text/html'), 415, 'UNSUPPORTED_TYPE'],
      [post(`${url}/classify`, 'hello'), 400, 'IMAGE_UNREADABLE'],
      [post(`${url}/classify`, pictures[0].subarray(0, 60)), 400, 'IMAGE_UNREADABLE'],
      [post(`${url}/classify`, ''), 400, 'EMPTY_INPUT'],
      [post(`${url}/classify?top=0`, pictures[0]), 400, 'INVALID_ARGUMENT'],
      [post(`${url}/classify`, new Uint8Array(5001)), 413, 'TOO_LARGE'],
      [post(`${url}/classify`, '{"images": ["AAAA", "AAAA", "AAAA"]}', 'application/json'), 413, 'TOO_LARGE'],
      [post(`${url}/classify`, '{"images": []}', 'application/json'), 400, 'INVALID_ARGUMENT'],
      [post(`${url}/classify`, '{"images": ["*"]}', 'application/json'), 400, 'INVALID_ARGUMENT'],
      [post(`${url}/classify`, '{"images": 1', 'application/json'), 400, 'INVALID_ARGUMENT'],
    ]
    for (const [answer, status, code] of refusals) {
      const response = await answer
      const { error } = (await response.json()) as { error: { code: string; message: string } }
      expect([response.status, error.code]).toEqual([status, code])
      expect(error.message.length).toBeGreaterThan(10)
    }
    // Without a Content-Length, the body is read up to the limit.
    const { asked, answer } = begin(url)
    asked.write(new Uint8Array(3000))
    asked.write(new Uint8Array(3000))
    expect((await answer).status).toBe(413)
    asked.destroy()
    expect((await post(`${url}/classify`, pictures[0])).status).toBe(200)
    child.kill('SIGTERM')
  })

  it('answers a body that is too large, or one request too many, while the client still sends', async () => {
    const { url, child } = await serve(model, '--max-bytes', '5000', '--max-requests', '1')
    // More than fits in the buffers of a connection.
    const large = new Uint8Array(20_000_000)
    const chunked = () => new Blob([large]).stream()
    for (let i = 0; i < 3; i++) {
      expect((await post(`${url}/classify`, large)).status).toBe(413)
      const asked = {
        method: 'POST',
        body: chunked(),
        duplex: 'half',
        headers: { 'content-type': 'image/png' },
      }
      expect((await fetch(`${url}/classify`, asked as RequestInit)).status).toBe(413)
    }
    const slow = begin(url)
    slow.asked.write(pictures[0].subarray(0, 10))
    let second: Response
    do second = await post(`${url}/classify`, large)
    while (second.status === 413)
    expect([second.status, second.headers.get('retry-after')]).toEqual([503, '1'])
    slow.asked.end(pictures[0].subarray(10))
    expect((await slow.answer).status).toBe(200)
    child.kill('SIGTERM')
  })

  it('knows no address that is none', async () => {
    const { url, child, ended } = await serve(model)
    for (const path of ['//', '//[', 'http://[']) {
      const status = await new Promise<number | undefined>((resolve, reject) => {
        const { port } = new URL(url)
        request({ port, path }, (response) => resolve(response.resume().statusCode))
          .on('error', reject)
          .end()
      })
      expect(status).toBe(404)
    }
    child.kill('SIGTERM')
    expect((await ended).stderr).not.toContain('Invalid URL')
  })

  it('limits the time of a request and the number of concurrent requests', async () => {
    const { url, child } = await serve(model, '--timeout', '1', '--max-requests', '1')
    const slow = begin(url)
    slow.asked.write(pictures[0].subarray(0, 10))
    // The first request must arrive before the second.
    let second: Response
    do second = await post(`${url}/classify`, pictures[0])
    while (second.status === 200)
    expect(second.status).toBe(503)
    expect(second.headers.get('retry-after')).toBe('1')
    expect((await slow.answer).status).toBe(408)
    expect((await post(`${url}/classify`, pictures[0])).status).toBe(200)
    child.kill('SIGTERM')
  })

  it.each(['1.1', '0.35', '1e300'])('takes a time limit of any length: %s seconds', async (seconds) => {
    const { url, child, ended } = await serve(model, '--timeout', seconds, '--grace', seconds)
    expect((await post(`${url}/classify`, pictures[0])).status).toBe(200)
    const { asked, answer } = begin(url)
    asked.write(pictures[0].subarray(0, 10))
    expect((await fetch(`${url}/health`)).status).toBe(200)
    child.kill('SIGTERM')
    asked.end(pictures[0].subarray(10))
    expect((await answer).status).toBe(200)
    expect(await ended).toEqual({ code: 0, stderr: 'shutting down; open requests are still answered\n' })
  })

  it('finishes pending requests before it exits', async () => {
    for (const kill of ['SIGTERM', 'SIGINT'] as const) {
      const { url, child, ended } = await serve(model)
      const { asked, answer } = begin(url)
      asked.write(pictures[0].subarray(0, 10))
      expect((await fetch(`${url}/health`)).status).toBe(200)
      const firstOutput = new Promise((resolve) => child.stderr!.once('data', resolve))
      child.kill(kill)
      await firstOutput
      await expect(fetch(`${url}/health`)).rejects.toThrow()
      asked.end(pictures[0].subarray(10))
      expect((await answer).status).toBe(200)
      expect(await ended).toEqual({ code: 0, stderr: expect.stringContaining('shutting down') })
    }
  })

  it('aborts requests that outlast the grace period', async () => {
    const { url, child, ended } = await serve(model, '--grace', '0.2')
    const { asked, answer } = begin(url)
    asked.write(pictures[0].subarray(0, 10))
    expect((await fetch(`${url}/health`)).status).toBe(200)
    child.kill('SIGTERM')
    await expect(answer).rejects.toThrow()
    expect((await ended).code).toBe(0)
  })

  it('serves an OpenAPI description that matches its behaviour', async () => {
    const { url, child } = await serve(sure)
    const description = await (await fetch(`${url}/openapi.json`)).json()
    expect(description.openapi).toBe('3.1.0')
    expect(Object.keys(description.paths)).toEqual(['/classify', '/health', '/openapi.json'])
    const { properties } = description.components.schemas.Results.properties.results.items
    expect(properties.label).toEqual({ enum: ['eight', 'one'] })
    const answer = await (await post(`${url}/classify`, pictures[0])).json()
    for (const name of Object.keys(answer.results[0])) expect(properties).toHaveProperty(name)
    const references = JSON.stringify(description).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)
    for (const [, name] of references) expect(description.components.schemas).toHaveProperty(name)
    child.kill('SIGTERM')
  })

  it('explains why it cannot start', async () => {
    const { url, child } = await serve(model)
    const portInUse = await softmargin('serve', model, '--port', new URL(url).port)
    expect(portInUse.code).toBe(1)
    expect(portInUse.stderr).toMatch(/cannot listen on 127\.0\.0\.1, port \d+: .*EADDRINUSE/)
    expect((await softmargin('serve', join(folder, 'none.onnx'))).code).toBe(1)
    expect((await softmargin('serve', model, '--threads', '0')).code).toBe(2)
    child.kill('SIGTERM')
  })
})

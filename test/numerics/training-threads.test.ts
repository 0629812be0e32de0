import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Worker } from 'node:worker_threads'
import { describe, expect, test } from 'vitest'
import { SLICE_PICTURES } from '../../src/cnn/engine/training/training-plan.ts'
import { FeatureExtractor } from '../../src/cnn/extractor/extractor.ts'
import { startStep } from '../../src/cnn/training/step-runtime.ts'
import { cutModel } from '../../src/onnx/edit/cut.ts'
import { tailOf } from '../../src/onnx/gradient/tail.ts'
import { readModel } from '../../src/onnx/graph/read-model.ts'
import { inferTensors } from '../../src/onnx/shapes/infer.ts'
import { digit } from '../support/digits.ts'
import { seeded } from '../support/layered-cnn.ts'

/** The threads that were started in this file and have not ended, and the messages that each has got. */
const workers = new Map<Worker, { posted: number }>()
process.on('worker', (worker) => {
  const counts = { posted: 0 }
  workers.set(worker, counts)
  const post = worker.postMessage.bind(worker)
  worker.postMessage = (message: { type?: string }, transfer) => {
    if (message.type === 'job') counts.posted++
    post(message, transfer)
  }
  worker.on('exit', () => workers.delete(worker))
})
const jobs = () => [...workers.values()].reduce((sum, { posted }) => sum + posted, 0)

const batch = 20
const classes = 3
const model = cutModel(readModel(readFileSync('models/tiny/tiny.onnx')), ['features'])
const input = model.graph!.input[0].name
const facts = inferTensors(model, { [input]: [batch, 3, 32, 32] })
const images = seeded(batch * 3 * 32 * 32, 8)
const targets = Float32Array.from({ length: batch * classes }, (_, i) =>
  i % classes === Math.floor(i / classes) % classes ? 0.8 : 0.1,
)

function hashOf(arrays: Float32Array[]): string {
  const hash = createHash('sha256')
  for (const { buffer, byteOffset, byteLength } of arrays)
    hash.update(new Uint8Array(buffer, byteOffset, byteLength))
  return hash.digest('hex')
}

/** The engine's step on some threads; `run` returns a hash of the logits and gradients of a batch. */
async function start(threads: number) {
  const tail = tailOf(model, facts, input)
  const o = { pooling: 'none' as const, classes, featureScale: 1.5 }
  const { runtime, parameters } = await startStep(
    { forEngine: () => tail, forOnnxGraph: () => tail },
    o,
    { runtime: 'engine' },
    threads,
  )
  const head = parameters.at(-2)!
  head.values.set(seeded(head.values.length, 77))
  const run = async (signal?: AbortSignal) => {
    runtime.zeroGradients()
    const logits = await runtime.accumulate([images], targets, batch, signal)
    runtime.writeGradients(1 / batch)
    const all = [logits, ...parameters.map(({ gradient }) => gradient)]
    expect(all.every((numbers) => numbers.some((value) => value !== 0))).toBe(true)
    return hashOf(all)
  }
  const change = (factor: number) => {
    for (const { values } of parameters) values.set(values.map((value) => value * factor))
  }
  return { run, change, release: () => runtime.release() }
}

type Step = Awaited<ReturnType<typeof start>>

/** Runs batches until other threads have taken part, which may take a while if they start late. */
async function runOnThreads(step: Step, expected: string) {
  const before = jobs()
  for (let round = 0; round < 200 && jobs() < before + 4; round++) expect(await step.run()).toBe(expected)
  expect(jobs()).toBeGreaterThanOrEqual(before + 4)
}

describe('threads of a training step', () => {
  test('give the same bits for any number of threads', async () => {
    expect(batch).toBeGreaterThan(2 * SLICE_PICTURES)
    const alone = await start(1)
    const expected = await alone.run()
    expect(jobs()).toBe(0)
    for (const threads of [2, 3]) {
      const step = await start(threads)
      await runOnThreads(step, expected)
      await step.release()
    }
  })

  test('read the weights of each batch', async () => {
    const [alone, step] = [await start(1), await start(2)]
    const expected = await alone.run()
    await runOnThreads(step, expected)
    for (const each of [alone, step]) each.change(0.9)
    const changed = await alone.run()
    expect(changed).not.toBe(expected)
    await runOnThreads(step, changed)
    await step.release()
  })

  test('may end while they work', async () => {
    const alone = await start(1)
    const expected = await alone.run()
    const step = await start(3)
    await runOnThreads(step, expected)
    const last = step.run()
    await Promise.all([...workers.keys()].map((worker) => worker.terminate()))
    expect(await last).toBe(expected)
    expect(await step.run()).toBe(expected)
    await step.release()
  })

  test('stop at an abort', async () => {
    const alone = await start(1)
    const step = await start(2)
    await runOnThreads(step, await alone.run())
    const controller = new AbortController()
    const run = step.run(controller.signal)
    controller.abort()
    await expect(run).rejects.toMatchObject({ code: 'ABORTED' })
    await step.release()
  })
})

test('fineTune gives the same weights on one thread and on two', async () => {
  const digits = Array.from({ length: 40 }, (_, i) => digit(i % 10, Math.floor(i / 10)))
  const labels = digits.map((_, i) => i % 10)
  const weightsOn = async (threads: number) => {
    using extractor = await FeatureExtractor.create({ threads })
    using tuned = await extractor.fineTune(digits, labels, { from: 'stage2', epochs: 2, validation: 0 })
    return createHash('sha256')
      .update(await tuned.toOnnx())
      .digest('hex')
  }
  const before = jobs()
  const alone = await weightsOn(1)
  expect(jobs()).toBe(before)
  expect(await weightsOn(2)).toBe(alone)
})

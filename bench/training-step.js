// npm run bench -- training-step [--quick] [--only=text]
//
// Compares one step of a training (forward pass, backward pass and SGD with momentum, all layers, float32) in softmargin's
// engine with onnxruntime-web, with PyTorch and with TensorFlow.js, each on one thread. Times are CPU times per image:
// medians, and least ones. All compute the same loss, or the comparison stops. Then it compares the elapsed times of the
// engine's step on one thread and on two, in turn.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { toBinary } from '@bufbuild/protobuf'
import { build } from 'esbuild'
import { ModelProtoSchema } from 'onnx-buf'
import { resnet18 } from '../scripts/resnet18.js'
import { seeded } from './random.js'
import { median } from './report.js'
import { trainingInTensorFlow } from './tfjs-training.js'

const quick = process.argv.includes('--quick')
const only = process.argv.find((flag) => flag.startsWith('--only='))?.slice('--only='.length) ?? ''
const folder = fileURLToPath(new URL('..', import.meta.url))
const python = process.env.SOFTMARGIN_PYTHON ?? '/usr/bin/python3'

// The runtimes of a training are not part of the public API, so they are bundled from the sources, two levels deep like
// src/cnn.
await build({
  stdin: {
    contents: `export { addOnnxRuntime } from './src/cnn/onnxruntime.ts'
      export { Optimizer } from './src/cnn/training/optimizer.ts'
      export { startStep } from './src/cnn/training/step-runtime.ts'
      export { cutModel } from './src/onnx/edit/cut.ts'
      export { tailOf } from './src/onnx/gradient/tail.ts'
      export { floatsOf } from './src/onnx/graph/float-data.ts'
      export { readModel } from './src/onnx/graph/read-model.ts'
      export { inferTensors } from './src/onnx/shapes/infer.ts'`,
    resolveDir: folder,
  },
  outfile: `${folder}dist/lib/bench-training-step.js`,
  bundle: true,
  format: 'esm',
  packages: 'external',
  logLevel: 'error',
})
const { addOnnxRuntime, Optimizer, startStep, cutModel, tailOf, floatsOf, readModel, inferTensors } =
  await import('../dist/lib/bench-training-step.js')
addOnnxRuntime()

const tiny = readFileSync(new URL('../models/tiny/tiny.onnx', import.meta.url))
const nets = [
  { name: 'embedded CNN', bytes: tiny, output: 'features', side: 32, batch: 32, rounds: quick ? 7 : 21 },
  {
    name: 'ResNet-18',
    bytes: resnet18(),
    output: '/Flatten_output_0',
    side: 224,
    batch: 16,
    rounds: quick ? 2 : 5,
  },
]
const classes = 10
console.log(`${cpus()[0]?.model.trim()}, Node ${process.versions.node}; one thread each\n`)
for (const net of nets) if (net.name.includes(only)) await measure(net)

async function measure({ name, bytes, output, side, batch, rounds }) {
  const model = cutModel(readModel(bytes), [output])
  const input = model.graph.input[0].name
  const dims = [batch, 3, side, side]
  const facts = inferTensors(model, { [input]: dims })
  const tail = tailOf(model, facts, input)
  const { normal } = seeded(3)
  const images = Float32Array.from({ length: dims.reduce((all, n) => all * n, 1) }, normal)
  const targets = Float32Array.from({ length: batch * classes }, (_, i) =>
    i % classes === Math.floor(i / classes) % classes ? 0.955 : 0.005,
  )
  const features = facts.get(output).dims[1]
  const head = Float32Array.from({ length: classes * features }, () => normal() / features)
  const results = []
  let firstLogits

  /** A step in a runtime; `run` returns the loss. */
  async function start(runtime, threads) {
    const o = { pooling: 'none', classes, featureScale: 1 }
    const tails = { forEngine: () => tail, forOnnxGraph: () => tail }
    const { runtime: step, parameters } = await startStep(tails, o, { runtime }, threads)
    parameters.at(-2).values.set(head)
    const optimizer = new Optimizer(
      parameters.map(({ values }) => ({ values, learningRateFactor: 1 })),
      { optimizer: 'sgd', momentum: 0.9, weightDecay: 5e-4 },
    )
    const gradients = parameters.map(({ gradient }) => gradient)
    const run = async () => {
      step.zeroGradients()
      const logits = await step.accumulate([images], targets, batch)
      firstLogits ??= logits.slice(0, classes)
      step.writeGradients(1 / batch)
      optimizer.step(gradients, 1e-6)
      return lossOf(logits, targets)
    }
    return { run, release: () => step.release() }
  }

  for (const runtime of ['engine', 'onnxruntime']) {
    const step = await start(runtime, 1)
    const title = runtime === 'engine' ? 'softmargin' : 'onnxruntime-web'
    results.push({ title, ...(await timed(step.run, runtime === 'engine' ? rounds : Math.ceil(rounds / 3))) })
    await step.release()
  }
  const [one, two] = [await start('engine', 1), await start('engine', 2)]
  const elapsed = await elapsedInTurn([one.run, two.run], rounds)
  for (const step of [one, two]) await step.release()
  results.push(
    inPyTorch(model, { dims, images: [...images], targets: [...targets], head: [...head], rounds }),
  )
  if (side < 100) {
    // TensorFlow.js needs seconds for one image, so that it gets no more.
    const one = {
      dims: [1, ...dims.slice(1)],
      images: images.slice(0, 3 * side * side),
      targets: targets.slice(0, classes),
    }
    const wanted = lossOf(firstLogits, one.targets)
    for (const backend of ['wasm', 'cpu']) {
      const title = `tfjs-${backend}`
      const { absent, loss, step } = await trainingInTensorFlow(backend, model, floatsOf, {
        ...one,
        head,
        classes,
      })
      if (absent) results.push({ title, absent })
      else results.push({ title, ...(await timed(step, quick ? 1 : 3, 0)), loss, wanted, pictures: 1 })
    }
  }

  console.log(`${name}, ${side} x ${side}, batches of ${batch}`)
  const ours = results[0]
  for (const { title, times, loss, absent, wanted = ours.loss, pictures = batch } of results) {
    if (absent) {
      console.log(`  ${title.padEnd(16)} absent: ${absent}`)
      continue
    }
    if (Math.abs(loss - wanted) > 1e-3 * wanted) throw new Error(`${title}: a loss of ${loss}, not ${wanted}`)
    const [middle, least] = [median(times) / pictures, Math.min(...times) / pictures]
    const ratio = ((middle * batch) / median(ours.times)).toFixed(2)
    console.log(
      `  ${title.padEnd(16)} ${middle.toFixed(2)} ms (least ${least.toFixed(2)}), ${ratio}x softmargin's time`,
    )
  }
  const [alone, together] = elapsed.map((times) => median(times) / batch)
  const gain = `${(alone / together).toFixed(2)}x (least ${(Math.min(...elapsed[0]) / Math.min(...elapsed[1])).toFixed(2)}x)`
  console.log(`  elapsed: ${alone.toFixed(2)} ms on one thread, ${together.toFixed(2)} ms on two: ${gain}`)
  console.log()
}

/** Elapsed times of two steps in milliseconds, after the other thread has had time to start. */
async function elapsedInTurn(steps, rounds) {
  const times = steps.map(() => [])
  for (const step of steps) await step()
  await new Promise((resolve) => setTimeout(resolve, 3000))
  for (let round = -3; round < rounds; round++) {
    for (const [i, step] of steps.entries()) {
      const begun = performance.now()
      await step()
      if (round >= 0) times[i].push(performance.now() - begun)
    }
  }
  return times
}

/** CPU times of a step in milliseconds, and the loss of the first one. */
async function timed(run, rounds, warmUps = 2) {
  const losses = []
  const times = []
  for (let i = -warmUps; i < rounds; i++) {
    const before = process.cpuUsage()
    losses.push(await run())
    const { user, system } = process.cpuUsage(before)
    if (i >= 0) times.push((user + system) / 1000)
  }
  return { times, loss: losses[0] }
}

/** The mean of -sum(targets * log softmax(logits)). */
function lossOf(logits, targets) {
  let sum = 0
  for (let from = 0; from < targets.length; from += classes) {
    const row = logits.subarray(from, from + classes)
    const most = Math.max(...row)
    const total = Math.log(row.reduce((all, value) => all + Math.exp(value - most), 0)) + most
    for (let k = 0; k < classes; k++) sum += targets[from + k] * (total - row[k])
  }
  return (sum * classes) / targets.length
}

function inPyTorch(model, asked) {
  const title = 'PyTorch'
  const own = mkdtempSync(join(tmpdir(), 'softmargin-'))
  try {
    const [file, question] = [join(own, 'model.onnx'), join(own, 'question.json')]
    writeFileSync(file, toBinary(ModelProtoSchema, model))
    writeFileSync(question, JSON.stringify(asked))
    const script = fileURLToPath(new URL('peers/torch_step.py', import.meta.url))
    const answer = JSON.parse(
      execFileSync(python, ['-W', 'ignore', script, file, question], { stdio: 'pipe' }),
    )
    return { title: `PyTorch ${answer.version}`, ...answer }
  } catch (error) {
    return {
      title,
      absent: String(error.stderr ?? error.message)
        .trim()
        .split('\n')
        .at(-1),
    }
  } finally {
    rmSync(own, { recursive: true })
  }
}

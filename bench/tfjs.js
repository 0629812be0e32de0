// Runs networks of the bench in TensorFlow.js's WebAssembly backend, whose convolutions are XNNPACK's: one thread,
// SIMD, channels last, with bias and activation fused into the convolution, as recommended for it.
import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { peersFolder } from './peers.js'

const packages = ['@tensorflow/tfjs-core', '@tensorflow/tfjs-backend-wasm']

/** TensorFlow.js, installed from npm on demand: `{ tf }`, or `{ absent }` with the reason. */
export async function tensorFlow() {
  const folder = peersFolder()
  const require = createRequire(folder)
  const load = () => packages.map((name) => require(`${folder}node_modules/${name}`))
  let loaded
  try {
    loaded = load()
  } catch {
    console.log('Fetching TensorFlow.js from npm into bench/.peers')
    try {
      const flags = ['--prefix', folder, '--no-audit', '--no-fund', '--ignore-scripts']
      execFileSync('npm', ['install', ...flags, ...packages], { stdio: 'ignore' })
      loaded = load()
    } catch (error) {
      return { absent: error.message.split('\n')[0] }
    }
  }
  const [tf, wasm] = loaded
  wasm.setWasmPaths(`${folder}node_modules/@tensorflow/tfjs-backend-wasm/dist/`)
  wasm.setThreadsCount(1)
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false)
  await tf.setBackend('wasm')
  return { tf }
}

/**
 * Converts a model to a function that takes the pixels of pictures and returns its output.
 *
 * @param model consists of Conv, Relu, Clip from 0 to 6, Sigmoid, Add, Mul, Sqrt, MaxPool, GlobalAveragePool, bilinear
 *   Resize, Flatten, Concat
 * @param read returns the values and dimensions of an initializer
 */
export function tensorFlowModel(tf, { graph }, read) {
  const constants = new Map()
  for (const tensor of graph.initializer) constants.set(tensor.name, read(tensor))
  const readers = new Map()
  for (const node of graph.node)
    for (const name of node.input) readers.set(name, [...(readers.get(name) ?? []), node])
  const list = ({ attribute }, name, fallback) =>
    attribute.find((one) => one.name === name)?.ints.map(Number) ?? fallback
  const only = ({ output }) => {
    const own = readers.get(output[0]) ?? []
    return own.length === 1 ? own[0] : undefined
  }
  const activations = { Relu: 'relu', Clip: 'relu6', Sigmoid: 'sigmoid' }
  const steps = []
  const gone = new Set()
  for (const node of graph.node) {
    const [x, second, third] = node.input
    let [name] = node.output
    const add = (run) => steps.push({ name, run })
    if (gone.has(node)) continue
    if (node.opType === 'Cast') {
      constants.set(name, constants.get(x))
    } else if (node.opType === 'Conv') {
      const { dims, numbers } = constants.get(second)
      const isDepthwise = dims[1] === 1 && dims[0] > 1
      const filter = tf.transpose(tf.tensor(numbers, dims), isDepthwise ? [2, 3, 0, 1] : [2, 3, 1, 0])
      const bias = third ? tf.tensor(constants.get(third).numbers) : undefined
      const strides = list(node, 'strides', [1, 1])
      const [top, left, bottom, right] = list(node, 'pads', [0, 0, 0, 0])
      const isNone = top + left + bottom + right === 0
      const pad = isNone
        ? 'valid'
        : [
            [0, 0],
            [top, bottom],
            [left, right],
            [0, 0],
          ]
      const next = only(node)
      const activation = activations[next?.opType] ?? 'linear'
      if (activation !== 'linear') {
        gone.add(next)
        name = next.output[0]
      }
      const convolve = isDepthwise ? tf.fused.depthwiseConv2d : tf.fused.conv2d
      add((values) => convolve({ x: values.get(x), filter, strides, pad, bias, activation }))
    } else if (node.opType === 'MaxPool') {
      const [top, left, bottom, right] = list(node, 'pads', [0, 0, 0, 0])
      const [kernel, strides] = [list(node, 'kernel_shape'), list(node, 'strides', [1, 1])]
      const pad = [
        [0, 0],
        [top, bottom],
        [left, right],
        [0, 0],
      ]
      add((values) => tf.maxPool(values.get(x), kernel, strides, pad))
    } else if (node.opType === 'Resize') {
      const [, , down, right] = constants.get(third).numbers
      add((values) => {
        const [, height, width] = values.get(x).shape
        const sides = [Math.floor(height * down), Math.floor(width * right)]
        return tf.image.resizeBilinear(values.get(x), sides, false, true)
      })
    } else if (node.opType === 'GlobalAveragePool') {
      add((values) => tf.mean(values.get(x), [1, 2], true))
    } else if (node.opType === 'Flatten') {
      add((values) => tf.reshape(values.get(x), [values.get(x).shape[0], -1]))
    } else if (node.opType === 'Concat') {
      add((values) =>
        tf.concat(
          node.input.map((one) => values.get(one)),
          -1,
        ),
      )
    } else {
      const run = {
        Relu: tf.relu,
        Clip: tf.relu6,
        Sigmoid: tf.sigmoid,
        Sqrt: tf.sqrt,
        Add: tf.add,
        Mul: tf.mul,
      }[node.opType]
      if (!run) throw new Error(`the operator ${node.opType} is not supported here`)
      const fixed = new Map()
      for (const one of node.input) {
        const known = constants.get(one)
        if (known && node.opType !== 'Clip') fixed.set(one, tf.tensor(known.numbers))
      }
      const inputs = node.opType === 'Clip' ? [x] : node.input
      add((values) => run(...inputs.map((one) => fixed.get(one) ?? values.get(one))))
    }
  }
  const [input, output] = [graph.input[0].name, graph.output[0].name]
  return (planes, dims) =>
    tf.tidy(() => {
      const values = new Map([[input, tf.transpose(tf.tensor(planes, dims), [0, 2, 3, 1])]])
      for (const { name, run } of steps) values.set(name, run(values))
      return values.get(output).dataSync()
    })
}

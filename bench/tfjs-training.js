// The step of a training in TensorFlow.js, channels last, as its users write it.
import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { peersFolder } from './peers.js'

/**
 * A function that runs one step and answers the loss, or why there is none: `{ step }` or `{ absent }`.
 *
 * @param backend `'wasm'` or `'cpu'`
 * @param model of Conv, Relu, Add, GlobalAveragePool, Flatten, Concat, Sqrt and Cast
 * @param floatsOf the numbers of an initializer
 */
export async function trainingInTensorFlow(
  backend,
  model,
  floatsOf,
  { dims, images, targets, head, classes },
) {
  try {
    const tf = await load(backend)
    const step = stepOf(tf, model, floatsOf, { dims, images, targets, head, classes })
    return { step, loss: await step() }
  } catch (error) {
    return { absent: error.message.split('\n')[0] }
  }
}

async function load(backend) {
  // The whole package has the gradients, which the core alone does not register.
  const packages = ['@tensorflow/tfjs', '@tensorflow/tfjs-backend-wasm']
  const folder = peersFolder()
  const require = createRequire(folder)
  const open = () => packages.map((name) => require(`${folder}node_modules/${name}`))
  let modules
  try {
    modules = open()
  } catch {
    console.log('Fetching TensorFlow.js from npm into bench/.peers')
    const flags = ['--prefix', folder, '--no-audit', '--no-fund', '--ignore-scripts']
    execFileSync('npm', ['install', ...flags, ...packages], { stdio: 'ignore' })
    modules = open()
  }
  const [tf, own] = modules
  if (backend === 'wasm') {
    own.setWasmPaths(`${folder}node_modules/@tensorflow/tfjs-backend-wasm/dist/`)
    own.setThreadsCount(1)
    tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false)
  }
  tf.enableProdMode()
  if (!(await tf.setBackend(backend))) throw new Error(`the backend ${backend} does not start`)
  return tf
}

function stepOf(tf, { graph }, floatsOf, { dims, images, targets, head, classes }) {
  const fixed = new Map()
  const variables = new Map()
  for (const tensor of graph.initializer) {
    const own = tensor.dims.map(Number)
    const numbers = floatsOf(tensor)
    if (numbers.length === 1) fixed.set(tensor.name, tf.scalar(numbers[0]))
    else {
      const value = tf.tensor(numbers, own)
      variables.set(tensor.name, tf.variable(own.length === 4 ? tf.transpose(value, [2, 3, 1, 0]) : value))
    }
  }
  const weight = tf.variable(tf.transpose(tf.tensor(head, [classes, head.length / classes])))
  const bias = tf.variable(tf.zeros([classes]))
  const x = tf.transpose(tf.tensor(images, dims), [0, 2, 3, 1])
  const wanted = tf.tensor(targets, [dims[0], classes])
  const list = ({ attribute }, name, fallback) =>
    attribute.find((one) => one.name === name)?.ints.map(Number) ?? fallback
  const run = {
    Cast: (_, [value]) => value,
    Conv: (node, [value, filter, own]) => {
      const [top, left, bottom, right] = list(node, 'pads', [0, 0, 0, 0])
      const pad = [
        [0, 0],
        [top, bottom],
        [left, right],
        [0, 0],
      ]
      return tf.add(tf.conv2d(value, filter, list(node, 'strides', [1, 1]), pad), own)
    },
    Relu: (_, [value]) => tf.relu(value),
    Add: (_, [a, b]) => tf.add(a, b),
    Sqrt: (_, [value]) => tf.sqrt(value),
    GlobalAveragePool: (_, [value]) => tf.mean(value, [1, 2], true),
    Flatten: (_, [value]) => tf.reshape(value, [dims[0], -1]),
    Concat: (_, values) => tf.concat(values, -1),
  }
  const loss = () => {
    const values = new Map([...fixed, ...variables, [graph.input[0].name, x]])
    for (const node of graph.node) {
      const inputs = node.input.map((name) => values.get(name))
      if (!run[node.opType]) throw new Error(`no ${node.opType} for TensorFlow.js`)
      values.set(node.output[0], run[node.opType](node, inputs))
    }
    const logits = tf.add(tf.matMul(values.get(graph.output[0].name), weight), bias)
    return tf.neg(tf.mean(tf.sum(tf.mul(wanted, tf.logSoftmax(logits)), -1)))
  }
  const learnt = [...variables.values(), weight, bias]
  const momenta = learnt.map((one) => tf.variable(tf.zerosLike(one)))
  return async () =>
    tf.tidy(() => {
      const { value, grads } = tf.variableGrads(loss, learnt)
      for (const [i, one] of learnt.entries()) {
        const gradient = tf.add(grads[one.name], tf.mul(one, 5e-4))
        momenta[i].assign(tf.add(tf.mul(momenta[i], 0.9), gradient))
        one.assign(tf.sub(one, tf.mul(tf.add(gradient, tf.mul(momenta[i], 0.9)), 1e-6)))
      }
      return value.dataSync()[0]
    })
}

import { constant, node, tensorInfo } from '../../src/onnx/graph/nodes.ts'
import { create } from '../../src/onnx/proto/message.ts'
import {
  TensorProto_DataType as DataType,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from '../../src/onnx/proto/onnx.ts'
import { toBinary } from '../../src/onnx/proto/write-message.ts'

/** Seeded pseudo-random numbers from -1 to 1. */
export function seeded(count: number, seed: number): Float32Array {
  let state = seed
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 31 - 1
  })
}

/** Activations: [channels, height, width], row-major. */
export interface FeatureMap {
  data: Float32Array
  channels: number
  height: number
  width: number
}

const channels = [3, 4, 6]
const classes = 5
const kernel1 = seeded(channels[1] * channels[0] * 9, 1).map((w) => w / 3)
const bias1 = seeded(channels[1], 2)
const kernel2 = seeded(channels[2] * channels[1] * 9, 3).map((w) => w / 3)
const bias2 = seeded(channels[2], 4)
const headWeights = seeded(channels[2] * classes, 5)
const headBias = seeded(classes, 6)

/** Options for variants of the model. */
export interface LayeredCnnOptions {
  /** Dimensions of the input; names stand for free sizes. */
  input?: (number | string)[]
  head?: 'Gemm' | 'MatMul' | 'none'
  /** Whether the weights are also graph inputs, as in old files. */
  weightsAsInputs?: boolean
  metadata?: Record<string, string>
  /** Additions to the graph. */
  moreInputs?: ValueInfoProto[]
  moreNodes?: NodeProto[]
  moreOutputs?: string[]
  moreWeights?: TensorProto[]
}

/**
 * A CNN as PyTorch exports it, small enough for a simple reference implementation: convolution, ReLU, max pooling, a
 * module `layer2` of convolution and ReLU, global average pooling, linear head, Softmax.
 */
export function layeredCnn(options: LayeredCnnOptions = {}): ModelProto {
  const { input = ['batch', 3, 'height', 'width'], head = 'Gemm', metadata = {} } = options
  const conv = { kernel_shape: [3n, 3n], pads: [1n, 1n, 1n, 1n] }
  const nodes = [
    node('/conv1/Conv', 'Conv', ['pixels', 'conv1.weight', 'conv1.bias'], ['conv1'], conv),
    node('/relu/Relu', 'Relu', ['conv1'], ['relu']),
    node('/pool/MaxPool', 'MaxPool', ['relu'], ['pool'], { kernel_shape: [2n, 2n], strides: [2n, 2n] }),
    node(
      '/layer2/layer2.0/Conv',
      'Conv',
      ['pool', 'layer2.weight', 'layer2.bias'],
      ['/layer2/0_output'],
      conv,
    ),
    node('/layer2/layer2.1/Relu', 'Relu', ['/layer2/0_output'], ['/layer2/1_output']),
    node('/layer20/Identity', 'Identity', ['/layer2/1_output'], ['/layer20/output']),
    node('/avgpool/GlobalAveragePool', 'GlobalAveragePool', ['/layer20/output'], ['avgpool']),
    node('/Flatten', 'Flatten', ['avgpool'], ['features'], { axis: 1n }),
  ]
  const weights: TensorProto[] = [
    constant('conv1.weight', kernel1, [channels[1], channels[0], 3, 3]),
    constant('conv1.bias', bias1),
    constant('layer2.weight', kernel2, [channels[2], channels[1], 3, 3]),
    constant('layer2.bias', bias2),
  ]
  if (head !== 'none') {
    weights.push(constant('fc.weight', headWeights, [channels[2], classes]), constant('fc.bias', headBias))
    if (head === 'Gemm') {
      nodes.push(node('/fc/Gemm', 'Gemm', ['features', 'fc.weight', 'fc.bias'], ['logits']))
    } else {
      nodes.push(node('/fc/MatMul', 'MatMul', ['features', 'fc.weight'], ['product']))
      nodes.push(node('/fc/Add', 'Add', ['fc.bias', 'product'], ['logits']))
    }
    nodes.push(node('/Softmax', 'Softmax', ['logits'], ['probabilities'], { axis: 1n }))
  }
  nodes.push(...(options.moreNodes ?? []))
  weights.push(...(options.moreWeights ?? []))
  const inputs = [tensorInfo('pixels', DataType.FLOAT, input), ...(options.moreInputs ?? [])]
  if (options.weightsAsInputs) {
    for (const { name, dims } of weights) inputs.push(tensorInfo(name, DataType.FLOAT, dims))
  }
  const outputs = [head === 'none' ? 'features' : 'probabilities', ...(options.moreOutputs ?? [])]
  return create(ModelProtoSchema, {
    irVersion: options.weightsAsInputs ? 3n : 8n,
    opsetImport: [{ domain: '', version: 13n }],
    metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
    graph: create(GraphProtoSchema, {
      name: 'layered',
      node: nodes,
      initializer: weights,
      input: inputs,
      output: outputs.map((name) => tensorInfo(name, DataType.FLOAT, ['batch', `${name}_size`])),
    }),
  })
}

/** The model as the bytes of an .onnx file. */
export function layeredCnnBytes(options: LayeredCnnOptions = {}): Uint8Array<ArrayBuffer> {
  return toBinary(ModelProtoSchema, layeredCnn(options))
}

/** Computes every layer of the layered CNN in float64. */
export function referenceLayers(pixels: FeatureMap): Record<string, FeatureMap> {
  const conv1 = convolve(pixels, kernel1, bias1)
  const relu = rectify(conv1)
  const pool = maxPool(relu)
  const layer2conv = convolve(pool, kernel2, bias2)
  const layer2 = rectify(layer2conv)
  const features = column(globalAverage(layer2))
  const logits = column(
    headBias.map((b, j) => features.data.reduce((sum, x, i) => sum + x * headWeights[i * classes + j], b)),
  )
  return { conv1, relu, pool, '/layer2/0_output': layer2conv, '/layer2/1_output': layer2, features, logits }
}

function column(data: Float32Array): FeatureMap {
  return { data, channels: data.length, height: 1, width: 1 }
}

function convolve(map: FeatureMap, kernel: Float32Array, bias: Float32Array): FeatureMap {
  const { data, channels, height, width } = map
  const result = new Float32Array(bias.length * height * width)
  for (let o = 0; o < bias.length; o++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        let sum = bias[o]
        for (let c = 0; c < channels; c++) {
          for (let i = 0; i < 9; i++) {
            const fromY = y + Math.floor(i / 3) - 1
            const fromX = x + (i % 3) - 1
            if (fromY < 0 || fromY >= height || fromX < 0 || fromX >= width) continue
            sum += data[(c * height + fromY) * width + fromX] * kernel[(o * channels + c) * 9 + i]
          }
        }
        result[(o * height + y) * width + x] = sum
      }
    }
  }
  return { data: result, channels: bias.length, height, width }
}

function rectify(map: FeatureMap): FeatureMap {
  return { ...map, data: map.data.map((x) => Math.max(0, x)) }
}

function maxPool({ data, channels, height, width }: FeatureMap): FeatureMap {
  const [h, w] = [height >> 1, width >> 1]
  const result = new Float32Array(channels * h * w)
  for (let i = 0; i < result.length; i++) {
    const [c, y, x] = [Math.floor(i / (h * w)), Math.floor(i / w) % h, i % w]
    const at = (c * height + 2 * y) * width + 2 * x
    result[i] = Math.max(data[at], data[at + 1], data[at + width], data[at + width + 1])
  }
  return { data: result, channels, height: h, width: w }
}

function globalAverage({ data, channels, height, width }: FeatureMap): Float32Array {
  const area = height * width
  return Float32Array.from({ length: channels }, (_, c) => {
    return data.subarray(c * area, (c + 1) * area).reduce((sum, x) => sum + x, 0) / area
  })
}

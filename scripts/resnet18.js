// Creates a ResNet-18 as an ONNX file, with torchvision's layers, tensor names and node names, and with seeded random
// weights. Its size, speed and shapes are real: 11.7 million weights, 45 MB, 1.8 billion multiply-adds.
//
// node scripts/resnet18.js [file]
import { writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { create, toBinary } from '@bufbuild/protobuf'
import {
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataType as DataType,
  ModelProtoSchema,
} from 'onnx-buf'

/**
 * Node and tensor names are those of `torch.onnx.export` for `torchvision.models.resnet18().eval()`, which folds each
 * BatchNorm into the convolution before it.
 *
 * @param {{ seed?: number, side?: number, widths?: number[], classes?: number }} options `side`: the only image size
 *   that the network accepts (default: any); `widths`: channels of the four stages
 * @returns {Uint8Array<ArrayBuffer>} the bytes of an .onnx file
 */
export function resnet18({ seed = 18, side, widths = [64, 128, 256, 512], classes = 1000 } = {}) {
  const random = uniform(seed)
  const nodes = []
  const weights = []
  // PyTorch numbers the folded weights with a counter of its own.
  let number = 193

  function weight(name, dims, fanIn, gain) {
    const bound = gain * Math.sqrt(6 / fanIn)
    const values = new Float32Array(dims.reduce((all, n) => all * n, 1))
    for (let i = 0; i < values.length; i++) values[i] = bound * random()
    weights.push({ name, dataType: DataType.FLOAT, dims: dims.map(BigInt), rawData: bytes(values) })
    return name
  }

  function add(path, opType, input, attributes = {}, output = `${path}_output_0`) {
    const attribute = Object.entries(attributes).map(([name, value]) =>
      typeof value === 'number'
        ? { name, type: AttributeType.INT, i: BigInt(value) }
        : { name, type: AttributeType.INTS, ints: value.map(BigInt) },
    )
    nodes.push({ name: path, opType, input, output: [output], attribute })
    return output
  }

  function convolution(path, input, channels, filters, kernel, stride, gain = 1) {
    const pad = kernel >> 1
    const fanIn = channels * kernel * kernel
    const kernels = weight(`onnx::Conv_${number}`, [filters, channels, kernel, kernel], fanIn, gain)
    const bias = weight(`onnx::Conv_${number + 1}`, [filters], fanIn, 1)
    number += 3
    return add(`${path}/Conv`, 'Conv', [input, kernels, bias], {
      dilations: [1, 1],
      group: 1,
      kernel_shape: [kernel, kernel],
      pads: [pad, pad, pad, pad],
      strides: [stride, stride],
    })
  }

  function block(path, input, channels, filters, stride) {
    let x = convolution(`${path}/conv1`, input, channels, filters, 3, stride)
    x = add(`${path}/relu/Relu`, 'Relu', [x])
    // A small second convolution keeps activations from growing from block to block, as training does.
    x = convolution(`${path}/conv2`, x, filters, filters, 3, 1, 0.3)
    const isSame = stride === 1 && channels === filters
    const shortcut = isSame
      ? input
      : convolution(`${path}/downsample/downsample.0`, input, channels, filters, 1, stride)
    x = add(`${path}/Add`, 'Add', [x, shortcut])
    return add(`${path}/relu_1/Relu`, 'Relu', [x])
  }

  let x = convolution('/conv1', 'input', 3, widths[0], 7, 2)
  x = add('/relu/Relu', 'Relu', [x])
  const pooling = { ceil_mode: 0, kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [2, 2] }
  x = add('/maxpool/MaxPool', 'MaxPool', [x], pooling)
  let channels = widths[0]
  for (const [i, filters] of widths.entries()) {
    for (const j of [0, 1]) {
      x = block(`/layer${i + 1}/layer${i + 1}.${j}`, x, channels, filters, i > 0 && j === 0 ? 2 : 1)
      channels = filters
    }
  }
  x = add('/avgpool/GlobalAveragePool', 'GlobalAveragePool', [x])
  x = add('/Flatten', 'Flatten', [x], { axis: 1 })
  const head = [weight('fc.weight', [classes, channels], channels, 0.4)]
  head.push(weight('fc.bias', [classes], channels, 0.4))
  add('/fc/Gemm', 'Gemm', [x, ...head], { transB: 1 }, 'output')

  const model = create(ModelProtoSchema, {
    irVersion: 7n,
    producerName: 'softmargin',
    opsetImport: [{ domain: '', version: 14n }],
    graph: {
      name: 'resnet18',
      node: nodes,
      initializer: weights,
      input: [tensor('input', ['batch', 3, side ?? 'height', side ?? 'width'])],
      output: [tensor('output', ['batch', classes])],
    },
  })
  return toBinary(ModelProtoSchema, model)
}

/** The bytes of float32 values, little-endian like typed arrays on all supported hosts. */
function bytes(values) {
  return new Uint8Array(values.buffer)
}

function tensor(name, dims) {
  const dim = dims.map((size) => ({
    value:
      typeof size === 'string'
        ? { case: 'dimParam', value: size }
        : { case: 'dimValue', value: BigInt(size) },
  }))
  return {
    name,
    type: { value: { case: 'tensorType', value: { elemType: DataType.FLOAT, shape: { dim } } } },
  }
}

/** Numbers from -1 to 1 (the generator mulberry32). */
function uniform(seed) {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 31 - 1
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const file = process.argv[2] ?? 'resnet18.onnx'
  const model = resnet18({ side: 224 })
  writeFileSync(file, model)
  console.log(`${file}: ${model.length} bytes`)
}

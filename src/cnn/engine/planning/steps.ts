import type {
  Binary,
  Concatenation,
  Copy,
  LayerNormalization,
  Operation,
  Pooling,
  Softmax,
  Unary,
} from '../lowering/operations.ts'
import { addBorder } from './border.ts'
import { areaOf, finishAddress, type StepContext } from './step.ts'
import { addConvolution } from './steps-convolution.ts'
import { broadcastPixels, everyPixel } from './tables.ts'

/** Adds the kernel calls that implement an operation. */
export function addSteps(operation: Operation, context: StepContext): void {
  switch (operation.type) {
    case 'convolution':
      addConvolution(operation, context)
      break
    case 'pooling':
      addPooling(operation, context)
      break
    case 'binary':
      addBinary(operation, context)
      break
    case 'unary':
      addUnary(operation, context)
      break
    case 'concatenation':
      addConcatenation(operation, context)
      break
    case 'copy':
      addCopy(operation, context)
      break
    case 'layer-normalization':
      addLayerNormalization(operation, context)
      break
    case 'softmax':
      addSoftmax(operation, context)
      break
  }
}

function addPooling(operation: Pooling, { map, tables, push }: StepContext): void {
  const x = map(operation.input)
  const out = map(operation.output)
  const { shape } = out.layout
  const area = areaOf(shape)
  const windows = tables.poolWindows(x.layout, operation)
  const offsets = tables.pixels(out.layout, everyPixel(shape))
  const { rowBytes, pixelBytes } = x.layout
  const [down, right] = operation.dilations
  push({
    name: operation.name,
    kernel: 'pool',
    run: (kernels, pictures) =>
      kernels.pool(
        x.buffer.address,
        windows,
        pictures * area,
        down * rowBytes,
        right * pixelBytes,
        shape.channels,
        operation.isMax ? 1 : 0,
        out.buffer.address,
        offsets,
      ),
  })
}

function addBinary(operation: Binary, context: StepContext): void {
  const { map, tables, push } = context
  const [left, right, out] = [map(operation.left), map(operation.right), map(operation.output)]
  const { shape } = out.layout
  const area = areaOf(shape)
  const [leftOffsets, rightOffsets] = [left, right].map(({ layout, isConstant }) =>
    tables.pixels(layout, broadcastPixels(layout.shape, shape), isConstant),
  )
  const offsets = tables.pixels(out.layout, everyPixel(shape))
  const [leftSplat, rightSplat] = [left, right].map(({ layout }) => {
    return layout.shape.channels === 1 && shape.channels > 1 ? 1 : 0
  })
  const finish = finishAddress(context, operation.activation)
  push({
    name: operation.name,
    kernel: 'binary',
    run: (kernels, pictures) =>
      kernels.binary(
        left.buffer.address,
        leftOffsets,
        leftSplat,
        right.buffer.address,
        rightOffsets,
        rightSplat,
        operation.kind,
        pictures * area,
        shape.channels,
        out.buffer.address,
        offsets,
        finish,
      ),
  })
}

function addUnary(operation: Unary, context: StepContext): void {
  const { map, tables, push } = context
  const [x, out] = [map(operation.input), map(operation.output)]
  const { shape } = out.layout
  const area = areaOf(shape)
  const [from, to] = [x, out].map(({ layout }) => tables.pixels(layout, everyPixel(shape)))
  const finish = finishAddress(context, operation.activation)
  push({
    name: operation.name,
    kernel: 'activate',
    run: (kernels, pictures) =>
      kernels.activate(
        x.buffer.address,
        from,
        pictures * area,
        shape.channels,
        out.buffer.address,
        to,
        finish,
      ),
  })
}

function addConcatenation(operation: Concatenation, { map, tables, push }: StepContext): void {
  const out = map(operation.output)
  const { shape } = out.layout
  const area = areaOf(shape)
  const to = tables.pixels(out.layout, everyPixel(shape))
  let before = 0
  for (const value of operation.inputs) {
    const x = map(value)
    const { channels } = value.shape
    const from = tables.pixels(x.layout, everyPixel(shape), x.isConstant)
    const first = before * 4
    push({
      name: operation.name,
      kernel: 'copyPixels',
      run: (kernels, pictures) => {
        kernels.copyPixels(x.buffer.address, from, pictures * area, channels, out.buffer.address + first, to)
      },
    })
    before += channels
  }
}

function addCopy(operation: Copy, { map, tables, push }: StepContext): void {
  const { input, name, step, fill } = operation
  const [x, out] = [map(input), map(operation.output)]
  const { layout } = out
  const { shape } = layout
  const { channel } = operation.from
  // The region of the output covered by the input; the rest is filled with the constant.
  const top = Math.max(0, -operation.from.y)
  const left = Math.max(0, -operation.from.x)
  const height = step.y === 1 ? Math.min(shape.height - top, input.shape.height) : shape.height
  const width = step.x === 1 ? Math.min(shape.width - left, input.shape.width) : shape.width
  if (height < shape.height || width < shape.width) {
    push({
      name,
      kernel: 'fillBorder',
      run: (kernels, pictures) => {
        const rows = (layout.pictureBytes / layout.rowBytes) | 0
        for (let picture = 0; picture < pictures; picture++) {
          const address = out.buffer.address + picture * layout.pictureBytes
          kernels.fillBorder(address, layout.rowBytes, rows, 0, 0, 0, 0, fill)
        }
      },
    })
  }
  addBorder(out, name, push)
  const y = Math.max(0, operation.from.y)
  const column = Math.max(0, operation.from.x)
  const from = tables.pixels(x.layout, { height, width, y, x: column, stepY: step.y, stepX: step.x })
  const to = tables.pixels(layout, { height, width, y: top, x: left, stepY: 1, stepX: 1 })
  push({
    name,
    kernel: 'copyPixels',
    run: (kernels, pictures) => {
      const first = x.buffer.address + channel * 4
      kernels.copyPixels(first, from, pictures * height * width, shape.channels, out.buffer.address, to)
    },
  })
}

function addLayerNormalization(operation: LayerNormalization, context: StepContext): void {
  const { map, memory, tables, push } = context
  const [x, out] = [map(operation.input), map(operation.output)]
  const { shape } = out.layout
  const area = areaOf(shape)
  const [from, to] = [x, out].map(({ layout }) => tables.pixels(layout, everyPixel(shape)))
  const vectors = out.layout.pixelBytes / 4
  const scale = memory.floats(vectors, (numbers) => numbers.set(operation.scale))
  const bias = memory.floats(vectors, (numbers) => numbers.set(operation.bias))
  push({
    name: operation.name,
    kernel: 'layerNorm',
    run: (kernels, pictures) =>
      kernels.layerNorm(
        x.buffer.address,
        from,
        pictures * area,
        shape.channels,
        operation.epsilon,
        scale,
        bias,
        out.buffer.address,
        to,
      ),
  })
}

function addSoftmax(operation: Softmax, { map, tables, push }: StepContext): void {
  const [x, out] = [map(operation.input), map(operation.output)]
  const { shape } = out.layout
  const area = areaOf(shape)
  const [from, to] = [x, out].map(({ layout }) => tables.pixels(layout, everyPixel(shape)))
  push({
    name: operation.name,
    kernel: 'softmax',
    run: (kernels, pictures) =>
      kernels.softmax(x.buffer.address, from, pictures * area, shape.channels, out.buffer.address, to),
  })
}

import type { Binary, Concatenation, Operation, Pooling, Program, Unary } from '../../lowering/operations.ts'
import type { KernelPart } from '../../wasm/cnn-module.ts'
import type { KernelConstants } from '../../wasm/instance.ts'
import { chooseKernel, rareKernel } from '../choose-kernel.ts'
import { areaOf, epilogueAddress, type PlannedOperation, type RareSteps, type StepContext } from '../step.ts'
import { broadcastPixels, everyPixel } from '../tables.ts'
import { addConvolution } from './steps-convolution.ts'

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
      context.rare.addCopy!(operation, context)
      break
    case 'layer-normalization':
      context.rare.addLayerNormalization!(operation, context)
      break
    case 'softmax':
      context.rare.addSoftmax!(operation, context)
      break
    case 'resize':
      context.rare.addResize!(operation, context)
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
  const epilogue = epilogueAddress(context, operation.activation)
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
        epilogue,
      ),
  })
}

function addUnary(operation: Unary, context: StepContext): void {
  const { map, tables, push } = context
  const [x, out] = [map(operation.input), map(operation.output)]
  const { shape } = out.layout
  const area = areaOf(shape)
  const [from, to] = [x, out].map(({ layout }) => tables.pixels(layout, everyPixel(shape)))
  const epilogue = epilogueAddress(context, operation.activation)
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
        epilogue,
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

/** Operations other than convolutions whose kernels the smaller file of kernels has. */
const plain = ['pooling', 'unary', 'concatenation', 'copy']

/** Which kernels a program needs. */
export function kernelPartOf({ operations }: Program): KernelPart {
  const isPlain = (one: Operation) => {
    if (one.type === 'convolution') return one.gate === undefined && rareKernel(one) === undefined
    return plain.includes(one.type)
  }
  return operations.every(isPlain) ? 'inference' : 'whole'
}

/** Loads what adds the steps of those operations of a program that many networks do not have. */
export async function loadRareSteps(
  { operations }: Program<PlannedOperation>,
  facts: KernelConstants,
): Promise<RareSteps> {
  const needed = new Set<string>(
    operations.map((one) => (one.type === 'convolution' ? chooseKernel(one, facts) : one.type)),
  )
  const isNormalized = needed.has('layer-normalization') || needed.has('softmax')
  const parts: RareSteps[] = await Promise.all([
    needed.has('stem') ? import('./steps-stem.ts') : {},
    needed.has('depthwise') ? import('./steps-depthwise.ts') : {},
    needed.has('copy') ? import('./steps-copy.ts') : {},
    isNormalized ? import('./steps-normalization.ts') : {},
    needed.has('resize') ? import('./steps-resize.ts') : {},
  ])
  return Object.assign({}, ...parts)
}

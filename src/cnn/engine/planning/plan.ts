import { type Convolution, lengthOf, type MapValue, type Program } from '../lowering/operations.ts'
import type { Instance } from '../wasm/instance.ts'
import { type Buffer, type Fixture, MemoryPlan, type Sums } from './buffer-plan.ts'
import { type ConvolutionKernel, chooseKernel, winogradForm } from './choose-kernel.ts'
import { type Border, layOut, type MapLayout, roundUp, writeMap } from './maps.ts'
import {
  addBorder,
  type CustomOperation,
  inputsOf,
  type PlacedMap,
  type PlannedOperation,
  type PlanOptions,
  type Port,
  type Step,
} from './step.ts'
import { addSteps } from './steps/steps.ts'
import { everyPixel, Tables } from './tables.ts'

/**
 * A network ready to run: memory layout, kernels and kernel arguments are determined, but no memory is
 * allocated.
 */
export interface Plan {
  /** Maximum number of images per pass. */
  pictures: number
  /**
   * The first steps, which run for at most `pictures` images at a time until all images of the pass have been through them;
   * and the maps that they make for later steps, which hold the images of the whole pass.
   */
  head: { steps: number; pictures: number; maps: PlacedMap[] }
  /** Total memory in bytes, or the end of the buffers if they are placed elsewhere. */
  bytes: number
  /** The bytes of weights and tables, which lie first and which no step changes. */
  fixedBytes: number
  /** The region of all sums, in front of the buffers. */
  sums: Sums
  /** The end of the memory that `write` needs. */
  writingBytes: number
  steps: Step[]
  input: Port
  outputs: (Port & { name: string; dims: number[] })[]
  /** Staging buffer for one image in planar [channels, height, width] order, for input and outputs. */
  planes: Buffer
  /** Writes weights and tables. */
  write(instance: Instance): void
  /** The regions of weights that training changes. */
  mutable: readonly Fixture[]
}

/** Plans the memory of a program and its steps. */
export function makePlan(program: Program<PlannedOperation>, options: PlanOptions): Plan {
  const { operations, input, outputs } = program
  const { facts } = options
  const { pictures, head = { operations: 0, pictures: options.pictures } } = options
  const memory = new MemoryPlan()
  const tables = new Tables(memory, pictures)
  const headTables = new Tables(memory, head.pictures)
  const isHead = (index: number) => index < head.operations
  const kernels = new Map<Convolution, ConvolutionKernel>()
  for (const one of operations) {
    if (one.type === 'convolution') kernels.set(one, chooseKernel(one, facts))
  }
  const layouts = layOutMaps(program, kernels)
  const lastReads = new Map<MapValue, number>()
  for (const [i, one] of operations.entries()) for (const value of inputsOf(one)) lastReads.set(value, i)
  for (const { value } of outputs) lastReads.set(value, operations.length)

  const maps = new Map<MapValue, PlacedMap>()
  const headMaps: PlacedMap[] = []
  const addMap = (value: MapValue, from: number): PlacedMap => {
    const layout = layouts.get(value)!
    const to = lastReads.get(value) ?? from
    const leavesHead = isHead(from) && head.operations > 0 && !isHead(to)
    const held = isHead(from) && !leavesHead ? head.pictures : pictures
    // The head runs several times before such a map is complete, so that no buffer of the head may overlap it.
    const buffer = memory.buffer(layout.pictureBytes * held, leavesHead ? -1 : from, to)
    const map = { layout, buffer, isConstant: false }
    maps.set(value, map)
    if (leavesHead) headMaps.push(map)
    return map
  }
  const map = (value: MapValue): PlacedMap => {
    const known = maps.get(value)
    if (known) return known
    if (!value.constant) throw new Error('an operation reads a map that none before it makes')
    const layout = layOut(value.shape, { top: 0, left: 0, bottom: 0, right: 0 })
    const address = memory.floats(layout.pictureBytes / 4, (to) => writeMap(layout, value.constant!, to))
    const placed = { layout, buffer: { address }, isConstant: true }
    maps.set(value, placed)
    return placed
  }

  const steps: Step[] = []
  const push = (step: Step) => steps.push(step)
  let headSteps = 0
  const source = addMap(input, -1)
  addBorder(source, 'input', push)
  for (const [index, operation] of operations.entries()) {
    if (index === head.operations) headSteps = steps.length
    const context = {
      ...options,
      ...{ memory, index, kernels, map, push },
      pictures: isHead(index) ? head.pictures : pictures,
      tables: isHead(index) ? headTables : tables,
    }
    if (operation.output) {
      const isGiven = operation.type === 'custom' && operation.isGiven
      const made = addMap(operation.output, isGiven ? -1 : index)
      if (operation.type !== 'copy') addBorder(made, operation.name, push)
    }
    if (operation.type === 'custom') operation.addSteps(context)
    else addSteps(operation, context)
  }

  const planes = memory.buffer(
    4 * Math.max(lengthOf(input.shape), ...outputs.map(({ value }) => lengthOf(value.shape))),
    -1,
    operations.length,
  )
  const pixelsOf = (value: MapValue) => tables.pixels(layouts.get(value)!, everyPixel(value.shape))
  const plan = {
    pictures,
    head: { steps: head.operations > 0 ? headSteps : 0, pictures: head.pictures, maps: headMaps },
    steps,
    input: { map: source, pixels: pixelsOf(input) },
    outputs: outputs.map(({ name, dims, value }) => ({
      name,
      dims,
      map: map(value),
      pixels: pixelsOf(value),
    })),
    planes,
    write: (instance: Instance) => memory.write(instance),
    mutable: memory.mutable,
  }
  const { fixedBytes, writingBytes, sumBytes } = memory
  const sums = { address: options.buffersAt ?? fixedBytes, bytes: sumBytes }
  return { ...plan, bytes: memory.place(options.buffersAt), fixedBytes, writingBytes, sums }
}

/** Layouts of all maps. The border of a map holds the padding that the convolutions reading it need. */
function layOutMaps(
  { operations, input }: Program<PlannedOperation>,
  kernels: Map<Convolution, ConvolutionKernel>,
): Map<MapValue, MapLayout> {
  const borders = new Map<MapValue, Border>()
  /** Maps read in whole vectors, whose channels must be padded to full ones. It matters for the input alone: other maps are. */
  const needVectors = new Set<MapValue>()
  for (const one of operations) {
    const window = windowOf(one, kernels)
    for (const value of inputsOf(one)) {
      const isResidual = one.type === 'convolution' && one.residual === value
      if (window?.value !== value || !window.readsNumbers || isResidual) needVectors.add(value)
    }
    if (!window) continue
    const { value, border } = window
    const known = borders.get(value) ?? border
    borders.set(value, {
      top: Math.max(known.top, border.top),
      left: Math.max(known.left, border.left),
      bottom: Math.max(known.bottom, border.bottom),
      right: Math.max(known.right, border.right),
    })
  }
  const none = { top: 0, left: 0, bottom: 0, right: 0 }
  const layouts = new Map([[input, layOut(input.shape, borders.get(input) ?? none, !needVectors.has(input))]])
  for (const { output } of operations) {
    if (output) layouts.set(output, layOut(output.shape, borders.get(output) ?? none))
  }
  return layouts
}

/** The map that an operation reads beyond its edges, with the border that it needs there. */
function windowOf(
  operation: PlannedOperation,
  kernels: Map<Convolution, ConvolutionKernel>,
): CustomOperation['window'] {
  if (operation.type === 'custom') return operation.window
  if (operation.type !== 'convolution') return undefined
  const kernel = kernels.get(operation)!
  const readsNumbers = kernel === 'dense' || kernel === 'stem'
  return { value: operation.input, border: borderOf(operation, kernel), readsNumbers }
}

/** How far a convolution reads beyond the edges of its input. */
export function borderOf(convolution: Convolution, kernel: ConvolutionKernel): Border {
  const { input, output, before, strides, dilations } = convolution
  const size = convolution.kernel
  const reach = (side: number, places: number, i: number) => {
    const rounded = roundUp(places, kernel === 'stem' ? 4 : (winogradForm(kernel)?.side ?? 1))
    return Math.max(0, (rounded - 1) * strides[i] + (size[i] - 1) * dilations[i] + 1 - before[i] - side)
  }
  return {
    top: before[0],
    left: before[1],
    bottom: reach(input.shape.height, output.shape.height, 0),
    right: reach(input.shape.width, output.shape.width, 1),
  }
}

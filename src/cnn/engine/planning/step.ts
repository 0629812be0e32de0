import {
  type Activation,
  type Convolution,
  type Copy,
  type LayerNormalization,
  type MapShape,
  type MapValue,
  type Operation,
  type Resize,
  readsOf,
  type Softmax,
} from '../lowering/operations.ts'
import type { Kernels } from '../wasm/cnn-exports.ts'
import type { KernelConstants } from '../wasm/instance.ts'
import type { MemoryPlan } from './buffer-plan.ts'
import { type ConvolutionKernel, isCurved } from './choose-kernel.ts'
import type { Border, MapLayout } from './maps.ts'
import { everyPixel, type Tables } from './tables.ts'

/** One kernel call. */
export interface Step {
  /** Name of the operation, for profiling. */
  name: string
  kernel: keyof Kernels
  /** Multiply-adds of a convolution for one image, by its definition, whatever the kernel does instead. */
  multiplyAdds?: number
  run(kernels: Kernels, pictures: number): void
}

/** A map placed in memory. Its address is assigned when the plan is complete. */
export interface PlacedMap {
  layout: MapLayout
  buffer: { address: number }
  isConstant: boolean
}

/** A map of the engine's memory that is written or read from outside. */
export interface Port {
  map: PlacedMap
  /** Address of a table of u32 byte offsets, one for each pixel of the map. */
  pixels: number
}

/** What adds the steps of operations that many networks do not have; each is loaded with the first program that needs it. */
export interface RareSteps {
  addStem?: (operation: Convolution, context: StepContext) => void
  addDepthwise?: (operation: Convolution, context: StepContext) => void
  addCopy?: (operation: Copy, context: StepContext) => void
  addLayerNormalization?: (operation: LayerNormalization, context: StepContext) => void
  addSoftmax?: (operation: Softmax, context: StepContext) => void
  addResize?: (operation: Resize, context: StepContext) => void
}

/** Options of a plan. */
export interface PlanOptions {
  /** Maximum number of images per pass. */
  pictures: number
  /** The first operations, whose maps are large, may run for fewer images at a time. Default: none */
  head?: { operations: number; pictures: number } | undefined
  facts: KernelConstants
  /** From `loadRareSteps`, for the same program. */
  rare: RareSteps
  /** Where the buffers begin in the memory. Default: behind the weights and tables. */
  buffersAt?: number | undefined
}

/** Context for adding the steps of an operation. */
export interface StepContext extends PlanOptions {
  memory: MemoryPlan
  tables: Tables
  /** Index of the operation in the program. */
  index: number
  kernels: Map<Convolution, ConvolutionKernel>
  map(value: MapValue): PlacedMap
  push(step: Step): void
}

/** An operation that brings its own steps. The backward pass consists of such operations, among others. */
export interface CustomOperation {
  type: 'custom'
  name: string
  /** The maps that it reads. */
  reads: readonly MapValue[]
  /** The map that it makes, if it makes one. */
  output?: MapValue
  /** Whether that map is written from outside, before the first step. Default false */
  isGiven?: boolean
  /**
   * The map that it reads beyond its edges, where the map needs a border of zeros; and whether it reads numbers one by
   * one, so that the channels of a pixel need not fill vectors.
   */
  window?: { value: MapValue; border: Border; readsNumbers: boolean }
  addSteps(context: StepContext): void
}

/** An operation that can be planned. */
export type PlannedOperation = Operation | CustomOperation

/** The maps that an operation reads. */
export function inputsOf(operation: PlannedOperation): readonly MapValue[] {
  return operation.type === 'custom' ? operation.reads : readsOf(operation)
}

/** Number of pixels of a map. */
export function areaOf({ height, width }: MapShape): number {
  return height * width
}

/** Address of the activation's parameters, in the layout of assembly/cnn/activation.ts. */
export function epilogueAddress({ memory }: StepContext, { low, high, kind, a, b }: Activation): number {
  return memory.share(`epilogue,${[low, high, kind, a, b].join()}`, 20, (bytes, address) => {
    const view = new DataView(bytes, address)
    view.setFloat32(0, low, true)
    view.setFloat32(4, high, true)
    view.setInt32(8, kind, true)
    view.setFloat32(12, a, true)
    view.setFloat32(16, b, true)
  })
}

/** Adds the activation of a convolution whose kernel only clamps, if it is more than a clamp. */
export function addCurve(operation: Convolution, context: StepContext): void {
  if (!isCurved(operation)) return
  const { map, tables, push } = context
  const { buffer, layout } = map(operation.output)
  const offsets = tables.pixels(layout, everyPixel(layout.shape))
  const activation = epilogueAddress(context, operation.activation)
  push({
    name: operation.name,
    kernel: 'activate',
    run: (kernels, pictures) => {
      const { address } = buffer
      const pixels = pictures * areaOf(layout.shape)
      kernels.activate(address, offsets, pixels, layout.shape.channels, address, offsets, activation)
    },
  })
}

/** The residual's buffer and pixel table; address and table are 0 if there is none. */
export function residualOf({ residual }: Convolution, { map, tables }: StepContext) {
  if (!residual) return { buffer: { address: 0 }, offsets: 0 }
  const { buffer, layout } = map(residual)
  return { buffer, offsets: tables.pixels(layout, everyPixel(layout.shape)) }
}

/** Zeroes the border of a map before the map is written, because its memory may have held another buffer. */
export function addBorder(map: PlacedMap, name: string, push: (step: Step) => void): void {
  const { border, rowBytes, pixelBytes, pictureBytes, shape } = map.layout
  if (border.top + border.left + border.bottom + border.right === 0) return
  push({
    name,
    kernel: 'fillBorder',
    run: (kernels, pictures) => {
      for (let picture = 0; picture < pictures; picture++) {
        kernels.fillBorder(
          map.buffer.address + picture * pictureBytes,
          rowBytes,
          border.top,
          shape.height,
          border.bottom,
          border.left * pixelBytes,
          border.right * pixelBytes,
          0,
        )
      }
    },
  })
}

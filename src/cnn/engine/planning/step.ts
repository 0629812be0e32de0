import type { Activation, Convolution, MapShape, MapValue } from '../lowering/operations.ts'
import type { Kernels } from '../wasm/cnn-exports.ts'
import type { MemoryPlan } from './buffer-plan.ts'
import type { ConvolutionKernel } from './choose-kernel.ts'
import type { MapLayout } from './maps.ts'
import type { Tables } from './tables.ts'

/** One call of a kernel. */
export interface Step {
  /** The operation that it is for, for profiles. */
  name: string
  kernel: keyof Kernels
  run(kernels: Kernels, pictures: number): void
}

/** A map's place: its address is known when the plan is complete. */
export interface PlacedMap {
  layout: MapLayout
  buffer: { address: number }
  isConstant: boolean
}

/** What the plan is made for. */
export interface PlanOptions {
  /** Pictures that go through at once, at most. */
  pictures: number
  /** Of the build that runs: see `Kernels`. */
  tilePixels: number
  winogradScratchBytes: number
}

/** What the steps of an operation are made of. */
export interface StepContext extends PlanOptions {
  memory: MemoryPlan
  tables: Tables
  /** The operation's place in the program. */
  index: number
  kernels: Map<Convolution, ConvolutionKernel>
  map(value: MapValue): PlacedMap
  push(step: Step): void
}

/** Pixels of a map. */
export function areaOf({ height, width }: MapShape): number {
  return height * width
}

/** The address of an activation, as assembly/cnn/activation.ts lays it out. */
export function finishAddress({ memory }: StepContext, { low, high, kind, a, b }: Activation): number {
  return memory.share(`finish,${[low, high, kind, a, b].join()}`, 20, (bytes, address) => {
    const view = new DataView(bytes, address)
    view.setFloat32(0, low, true)
    view.setFloat32(4, high, true)
    view.setInt32(8, kind, true)
    view.setFloat32(12, a, true)
    view.setFloat32(16, b, true)
  })
}

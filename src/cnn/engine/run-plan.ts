import type { Plan } from './planning/plan.ts'
import type { Step } from './planning/step.ts'
import { putMaps } from './transfer.ts'
import type { Instance } from './wasm/instance.ts'

/** Told of each step that was run, for how many images, and how long it took. */
export type StepClock = (step: Step, pictures: number, milliseconds: number) => void

/**
 * Runs a pass: the steps of the head for a few images at a time, then the others for all of them.
 *
 * @param batch the images in ONNX order, [pictures, channels, height, width]
 * @param pictures how many they are, at most as many as the plan has room for
 */
export function runPlan(
  { head, input, planes, steps }: Plan,
  instance: Instance,
  batch: Float32Array,
  pictures: number,
  clock: StepClock | undefined,
): void {
  const length = batch.length / pictures
  const addresses = head.maps.map(({ buffer }) => buffer.address)
  for (let from = 0; from < pictures; from += head.pictures) {
    const count = Math.min(head.pictures, pictures - from)
    putMaps(instance, planes.address, input, batch.subarray(from * length, (from + count) * length))
    // Kernels number the images of a call from 0; the maps that leave the head continue where the last call ended.
    for (const [i, { buffer, layout }] of head.maps.entries()) {
      buffer.address = addresses[i] + from * layout.pictureBytes
    }
    runSteps(steps.slice(0, head.steps), instance, count, clock)
  }
  for (const [i, { buffer }] of head.maps.entries()) buffer.address = addresses[i]
  runSteps(steps.slice(head.steps), instance, pictures, clock)
}

function runSteps(
  steps: readonly Step[],
  { kernels }: Instance,
  pictures: number,
  clock: StepClock | undefined,
): void {
  if (!clock) {
    for (const step of steps) step.run(kernels, pictures)
    return
  }
  for (const step of steps) {
    const begun = performance.now()
    step.run(kernels, pictures)
    clock(step, pictures, performance.now() - begun)
  }
}

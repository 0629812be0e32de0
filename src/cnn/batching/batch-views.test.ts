import { expect, it } from 'vitest'
import { texturePreprocess, textures } from '../../../test/support/textures.ts'
import type { ResolvedPreprocess } from '../../image/preprocess-options.ts'
import type { Network } from '../runtime.ts'
import { Pipeline } from './run-images.ts'

const views = { count: 200, flip: true, shift: 0, randomState: 0 }
const dims = [1, 3, 8, 12]

/** A pipeline whose network returns one number for each image, and the number of its runs. */
function pipelineOf(onRun: (runs: number) => void) {
  const state = { runs: 0 }
  const session: Network = {
    device: 'wasm',
    runtime: { name: 'engine', reason: '' },
    run: async (_, __, [images]) => {
      onRun(++state.runs)
      return new Map([['y', { data: new Float32Array(images), dims: [images, 1] }]])
    },
    release: async () => {},
  }
  const network = {
    session,
    port: { name: 'x', batch: undefined, channels: 3 as const, width: 12, height: 8 },
    preprocess: { ...texturePreprocess, order: 'rgb', resample: 'bilinear' } as unknown as ResolvedPreprocess,
    taps: [{ layer: 'y', pooling: 'none' as const, shape: [1] }],
    views,
    isIndependent: true,
  }
  return { state, pipeline: new Pipeline(network, { largestLayer: 4, dims, threads: 1 }) }
}

it('views that no call waits for any more are not run', async () => {
  const controller = new AbortController()
  const { state, pipeline } = pipelineOf((runs) => runs === 5 && controller.abort())
  await expect(pipeline.run(textures(0, 1), { signal: controller.signal })).rejects.toMatchObject({
    code: 'ABORTED',
  })
  // The piece of work in progress ends by itself.
  await pipeline.run(textures(0, 1)).then(
    () => {},
    () => {},
  )
  expect(state.runs).toBe(5 + views.count)
})

it('timers fire between the views of a batch', async () => {
  const { state, pipeline } = pipelineOf(() => {
    const began = performance.now()
    while (performance.now() < began + 1);
  })
  let runs = 0
  setTimeout(() => (runs = state.runs), 30)
  await pipeline.run(textures(0, 1))
  expect(state.runs).toBe(200)
  expect(runs).toBeGreaterThan(0)
  expect(runs).toBeLessThan(180)
})

import { afterEach, expect, it, vi } from 'vitest'
import { useThreadScript } from '../../host/threads.ts'
import type { Network } from '../runtime.ts'
import { imageThreadCount } from './image-thread-count.ts'

afterEach(() => vi.unstubAllGlobals())

const share = async () => ({ places: [], parts: () => ({}) as never })
const engine = { runtime: { name: 'engine', reason: '' }, share } as unknown as Network
const onnxruntime = { runtime: { name: 'onnxruntime', reason: '' }, share } as unknown as Network
const given = { runtime: { name: 'given', reason: '' } } as unknown as Network

/** The default numbers of threads in a page: in the engine, in onnxruntime-web with 4 MB of weights, for a module. */
async function inPage(navigator: object) {
  vi.stubGlobal('document', {})
  vi.stubGlobal('Worker', class {})
  useThreadScript('full', () => new Worker(''))
  vi.stubGlobal('navigator', navigator)
  const networks = [engine, onnxruntime, given]
  return Promise.all(networks.map((network) => imageThreadCount(network, undefined, 4e6)))
}

const iPhone =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1'

it.each([
  ['a PC that admits no more than 8 GiB', { hardwareConcurrency: 16, deviceMemory: 8 }, [16, 5, 8]],
  ['a laptop', { hardwareConcurrency: 4, deviceMemory: 4 }, [4, 4, 4]],
  ['a small phone', { hardwareConcurrency: 8, deviceMemory: 2, userAgent: 'Android' }, [4, 2, 4]],
  ['a device of 1 GiB', { hardwareConcurrency: 8, deviceMemory: 1 }, [2, 1, 2]],
  ['a device of 512 MB', { hardwareConcurrency: 4, deviceMemory: 0.5 }, [1, 1, 1]],
  ['an iPhone, which tells no memory', { hardwareConcurrency: 6, userAgent: iPhone }, [2, 1, 2]],
  ['a desktop browser that tells no memory', { hardwareConcurrency: 12, userAgent: 'Firefox' }, [12, 5, 8]],
])('%s', async (_, navigator, threads) => {
  expect(await inPage(navigator)).toEqual(threads)
})

it('takes the number that the caller wants', async () => {
  vi.stubGlobal('navigator', { hardwareConcurrency: 4, deviceMemory: 0.5 })
  expect(await imageThreadCount(onnxruntime, 3, 4e6)).toBe(3)
})

it('uses one thread where there are no workers', async () => {
  vi.stubGlobal('EdgeRuntime', 'edge-runtime')
  vi.stubGlobal('Worker', undefined)
  vi.stubGlobal('navigator', { hardwareConcurrency: 8 })
  expect(await imageThreadCount(engine, undefined, 4e6)).toBe(1)
  expect(await imageThreadCount(given, undefined, 4e6)).toBe(1)
})

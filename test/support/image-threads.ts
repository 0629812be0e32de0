import type { Worker } from 'node:worker_threads'
import type * as Ort from 'onnxruntime-web'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { FeatureExtractor } from '../../src/cnn/extractor/extractor.ts'
import { addOnnxRuntime } from '../../src/cnn/onnxruntime.ts'
import type { Matrix } from '../../src/core/matrix.ts'
import type { ImageInput, RawImage } from '../../src/image/image-input.ts'
import { FeatureStore } from '../../src/store/feature-store.ts'
import { digit, jpegOf, pngOf } from '../support/digits.ts'

addOnnxRuntime()

/** The threads that were started in this file and have not ended. */
const workers = new Set<Worker>()
process.on('worker', (worker) => {
  workers.add(worker)
  worker.on('exit', () => workers.delete(worker))
})

export const digits = Array.from({ length: 300 }, (_, i) => digit(i % 10, Math.floor(i / 10)))
/** The image with each pixel repeated `times` times in both directions. */
export function enlarged({ data, width, height, channels }: RawImage, times: number): RawImage {
  const large = new Uint8Array(data.length * times * times)
  for (let row = 0; row < height * times; row++) {
    for (let column = 0; column < width * times; column++) {
      large[row * width * times + column] = data[Math.floor(row / times) * width + Math.floor(column / times)]
    }
  }
  return { data: large, width: width * times, height: height * times, channels }
}

/** Extracts until other threads have worked, which takes more than one call if they start late. */
export async function extractOn(extractor: FeatureExtractor, images: readonly ImageInput[], wanted: number) {
  for (let tries = 1; ; tries++) {
    let worked = 0
    const features = await extractor.extract(images, {
      onProgress: ({ threads }) => {
        worked = threads
      },
    })
    if (worked >= wanted || tries === 20) return { features, worked }
  }
}

/**
 * Declares the tests of an extractor's threads.
 *
 * @param runtime the extractor's option. A module is used by the calling thread alone; the others decode and resize for it.
 */
export function testImageThreads(runtime: 'engine' | 'onnxruntime' | typeof Ort): void {
  const isModule = typeof runtime === 'object'
  // Enough work for threads to be worthwhile. For a module the other threads only decode and resize, which takes long
  // enough for large images alone.
  const raw = isModule
    ? digits.slice(0, 60).map((image) => enlarged(image, 20))
    : digits.slice(0, runtime === 'engine' ? 300 : 80)
  let one: FeatureExtractor
  let two: FeatureExtractor
  let whole: Matrix
  let files: Uint8Array[]
  beforeAll(async () => {
    files = await Promise.all(digits.map((image, i) => (i % 2 === 0 ? jpegOf(image) : pngOf(image))))
    one = await FeatureExtractor.create({ runtime, threads: 1 })
    two = await FeatureExtractor.create({ runtime, threads: 2 })
    whole = await one.extract(raw)
  })
  afterAll(() => {
    one.dispose()
    two.dispose()
  })

  test('give the same bits for any number of threads, from raw pixels and from files', async () => {
    using more = await FeatureExtractor.create({ runtime, threads: runtime === 'engine' ? 3 : 2 })
    for (const images of [raw, files.slice(0, raw.length)]) {
      const { features, worked } = await extractOn(one, images, 1)
      expect(worked).toBe(1)
      expect(await extractOn(two, images, 2)).toEqual({ features, worked: 2 })
      expect((await extractOn(more, images, runtime === 'engine' ? 3 : 2)).features).toEqual(features)
    }
  })

  test('report unreadable images by index and in order, and keep the others in order', async () => {
    await extractOn(two, raw, 2)
    const broken = [0, 7, 8, 9, 63, 64, 65, 98, 99]
    const images = files.slice(0, 100).map((bytes, i): ImageInput => {
      if (!broken.includes(i)) return bytes
      return i % 2 === 0 ? bytes.subarray(0, 300) : 'no/such/picture.jpg'
    })
    const readable = await one.extract(files.slice(0, 100).filter((_, i) => !broken.includes(i)))
    const reported: [number, string, string | undefined][] = []
    const progress: number[] = []
    const features = await two.extract(images, {
      onUnreadable: (index, { code, argument }) => reported.push([index, code, argument]),
      onProgress: ({ done }) => progress.push(done),
    })
    expect(features).toEqual(readable)
    expect(reported).toEqual(
      broken.map((i) => [i, i % 2 === 0 ? 'IMAGE_UNREADABLE' : 'FILE_UNREADABLE', `images[${i}]`]),
    )
    expect(progress).toEqual([...new Set(progress)].sort((a, b) => a - b))
    expect(progress.at(-1)).toBe(images.length)
    for (let i = 0; i < 5; i++) {
      await expect(two.extract(images.slice(1))).rejects.toMatchObject({
        code: 'FILE_UNREADABLE',
        argument: 'images[6]',
      })
    }
  })

  test('serve concurrent calls, one of which is aborted', async () => {
    await extractOn(two, raw, 2)
    const controller = new AbortController()
    const aborted = two.extract(raw, {
      signal: controller.signal,
      onProgress: ({ done }) => done > 20 && controller.abort(),
    })
    const parts = [0, 1, 2, 3].map((part) => two.extract(raw.slice(part * 15, part * 15 + 13)))
    const single = raw.slice(0, 20).map((image) => two.extract([image]))
    await expect(aborted).rejects.toMatchObject({ code: 'ABORTED' })
    for (const [part, features] of (await Promise.all(parts)).entries()) {
      expect(features).toEqual(whole.select(Array.from({ length: 13 }, (_, i) => part * 15 + i)))
    }
    for (const [i, features] of (await Promise.all(single)).entries())
      expect(features).toEqual(whole.select([i]))
    expect(await two.extract(raw)).toEqual(whole)
  })

  test('that are lost: their images run elsewhere, and the next call has threads again', async () => {
    for (let round = 0; round < 2; round++) {
      await extractOn(two, raw, 2)
      expect(workers.size).toBeGreaterThan(0)
      const killed = [...workers]
      const features = await two.extract(raw, {
        onProgress: ({ threads }) => {
          if (threads === 2) for (const worker of killed.splice(0)) worker.terminate()
        },
      })
      expect(features).toEqual(whole)
    }
    expect(await extractOn(two, raw, 2)).toEqual({ features: whole, worked: 2 })
  })

  test('work for several layers at once and with a feature store', async () => {
    const choices = [{ layer: 'stage3', pooling: { grid: 2 } }, { layer: 'stage4' }] as const
    // Each call creates new networks, on threads only if that is worthwhile.
    const many =
      runtime === 'engine'
        ? raw
        : isModule
          ? await Promise.all(raw.map((image) => jpegOf(image)))
          : Array.from({ length: 5 }, () => raw).flat()
    const [inner, last] = await one.extractLayers(many, choices)
    let worked = 0
    for (let tries = 0; tries < 20 && worked < 2; tries++) {
      const found = await two.extractLayers(many, choices, {
        onProgress: ({ threads }) => {
          worked = threads
        },
      })
      expect(found).toEqual([inner, last])
    }
    expect(worked).toBe(2)
    using store = FeatureStore.inMemory()
    expect(await store.extract(two, raw)).toEqual(whole)
  })
}

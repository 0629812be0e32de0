import { expect, it } from 'vitest'
import { chunksOf, type DataSource } from './data-source.ts'

const never = new Promise<never>(() => {})

it.each<[string, (onCancel: () => void) => DataSource]>([
  ['a stream', (cancel) => new ReadableStream({ pull: () => never, cancel })],
  [
    'an async iterable',
    (onReturn) => ({
      [Symbol.asyncIterator]: () => ({
        next: () => never,
        return: async (): Promise<IteratorResult<Uint8Array>> => {
          onReturn()
          return { done: true, value: undefined }
        },
      }),
    }),
  ],
])('the signal aborts the reading of %s that never delivers, and releases it', async (_, open) => {
  let isReleased = false
  const controller = new AbortController()
  const source = open(() => {
    isReleased = true
  })
  const reading = chunksOf(source, { signal: controller.signal }).next()
  setTimeout(() => controller.abort())
  await expect(reading).rejects.toMatchObject({ code: 'ABORTED', argument: 'signal' })
  expect(isReleased).toBe(true)
})

it('a consumer that stops early releases the source', async () => {
  let isReleased = false
  function* chunks() {
    try {
      yield Uint8Array.of(1)
      yield Uint8Array.of(2)
    } finally {
      isReleased = true
    }
  }
  for await (const chunk of chunksOf(chunks())) {
    expect(chunk).toEqual(Uint8Array.of(1))
    break
  }
  expect(isReleased).toBe(true)
})

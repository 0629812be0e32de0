import { expect } from 'vitest'

/** All items of an iterable, in order. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

/** Matches the error of a reader whose message contains this phrase. */
export const refusal = (phrase: string, code = 'DATA_UNREADABLE'): unknown =>
  expect.objectContaining({ code, message: expect.stringContaining(phrase) })

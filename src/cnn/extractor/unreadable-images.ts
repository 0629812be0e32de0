import type { ExtractOptions } from '../batching/run-images.ts'

/** Notes which images of a call could not be read, if the caller wants to hear of them; the call skips these. */
export function noteUnreadable(onUnreadable: ExtractOptions['onUnreadable']) {
  const unreadable = new Set<number>()
  const noting: ExtractOptions['onUnreadable'] =
    onUnreadable &&
    ((index, error) => {
      unreadable.add(index)
      onUnreadable(index, error)
    })
  return {
    /** To pass to the call. */
    onUnreadable: noting,
    /** The positions of the other images, after the call. */
    readable: (images: readonly unknown[]): number[] =>
      [...images.keys()].filter((index) => !unreadable.has(index)),
  }
}

import { useThreadScript } from './threads.ts'

/** Lets threads do everything that the package can; for entries that may use ONNX Runtime. */
export function useFullThreads(): void {
  // Must be one expression: bundlers recognise only this form.
  useThreadScript(
    'full',
    () => new Worker(new URL('../../dist/lib/thread.js', import.meta.url), { type: 'module' }),
  )
}

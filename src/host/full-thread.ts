import { useThreadScript } from './threads.ts'

/** Makes threads load the complete package; for entry points that may use ONNX Runtime. */
export function useFullThreads(): void {
  // Must be one expression: bundlers recognise only this form.
  useThreadScript(
    'full',
    () => new Worker(new URL('../../dist/lib/thread.js', import.meta.url), { type: 'module' }),
  )
}

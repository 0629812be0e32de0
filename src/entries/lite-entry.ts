// The entry point `softmargin/lite`.

import { useThreadScript } from '../host/threads.ts'

// Must be one expression: bundlers recognise only this form.
useThreadScript(
  'lite',
  () => new Worker(new URL('../../dist/lib/thread-lite.js', import.meta.url), { type: 'module' }),
)

export * from '../lite.ts'

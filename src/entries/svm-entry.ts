// The entry point `softmargin/svm`.

import { useThreadScript } from '../host/threads.ts'

// Must be one expression: bundlers recognise only this form.
useThreadScript(
  'svm',
  () => new Worker(new URL('../../dist/lib/thread-svm.js', import.meta.url), { type: 'module' }),
)

export * from '../svm.ts'

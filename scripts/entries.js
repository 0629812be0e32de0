/** The source of each public entry point, relative to src/, by the name of its file of types. */
export const entries = {
  index: 'index.ts',
  lite: 'lite.ts',
  svm: 'svm.ts',
  worker: 'worker/spawn.ts',
  'worker-entry': 'worker/entry.ts',
  bundler: 'entries/bundler.ts',
}

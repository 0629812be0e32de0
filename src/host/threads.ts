// Which threads this host has; start-thread.ts starts them.

import { hasFileSystem } from './platform/builtins.ts'

/** Whether threads can share memory here; browsers require the headers COOP and COEP. */
export function mayShareMemory(): boolean {
  if (typeof SharedArrayBuffer === 'undefined') return false
  return hasFileSystem() || globalThis.crossOriginIsolated === true
}

let warned = false

/** Returns `wanted`, or 1 if threads cannot share memory; a warning, shown once, explains why. */
export function possibleThreads(wanted: number): number {
  if (wanted === 1 || mayShareMemory()) return wanted
  if (!warned) {
    console.warn(
      `softmargin: ${wanted} threads were requested, but this host does not let threads share memory, so one is used. ` +
        "A page must be served with 'Cross-Origin-Opener-Policy: same-origin' and " +
        "'Cross-Origin-Embedder-Policy: require-corp'.",
    )
  }
  warned = true
  return 1
}

/** The kinds of work that a thread's script can do: fits and searches; also images in softmargin's own engine; or everything. */
export type ThreadLevel = 'svm' | 'lite' | 'full'

const levels: ThreadLevel[] = ['svm', 'lite', 'full']

let script: { level: ThreadLevel; open: () => Worker } | undefined

/**
 * Supplies the script of threads for hosts without a file system. Every entry of the package calls this with its own
 * script, so that a page loads no more than the entry needs. If a page imports several entries, the most capable script
 * is used.
 */
export function useThreadScript(level: ThreadLevel, open: () => Worker): void {
  if (!script || levels.indexOf(level) > levels.indexOf(script.level)) script = { level, open }
}

/** The level of the next thread that is started; `undefined` if this host has no threads. */
export function threadLevel(): ThreadLevel | undefined {
  if (hasFileSystem()) return 'full'
  return typeof Worker === 'function' ? script?.level : undefined
}

/** Whether a level includes everything of another one. */
export function isUpTo(level: ThreadLevel | undefined, wanted: ThreadLevel): boolean {
  return level !== undefined && levels.indexOf(level) >= levels.indexOf(wanted)
}

/** Starts a Web Worker with the script of threads. @throws if no entry has supplied one */
export function openThreadScript(): Worker {
  if (!script) throw new Error('the entry that was imported has no threads')
  return script.open()
}

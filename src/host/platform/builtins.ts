/**
 * Whether there is a file system: true on Node, Deno and Bun, false in browsers and edge functions, some of which
 * have a `process` that resembles Node's.
 */
export function hasFileSystem(): boolean {
  if (typeof process !== 'object' || typeof process?.versions?.node !== 'string') return false
  if (typeof document === 'object' || 'EdgeRuntime' in globalThis) return false
  return globalThis.navigator?.userAgent !== 'Cloudflare-Workers'
}

/** The Node modules in use. */
interface Builtins {
  'node:fs': typeof import('node:fs')
  'node:fs/promises': typeof import('node:fs/promises')
  'node:module': typeof import('node:module')
  'node:os': typeof import('node:os')
  'node:path': typeof import('node:path')
  'node:stream': typeof import('node:stream')
  'node:url': typeof import('node:url')
  'node:worker_threads': typeof import('node:worker_threads')
  'node:zlib': typeof import('node:zlib')
}

/** Imports a Node module; only for hosts that have it. */
export function importBuiltin<Name extends keyof Builtins>(name: Name): Promise<Builtins[Name]> {
  return importUnbundled(name)
}

/**
 * Imports a module that only hosts with a file system need. The name is a variable, so that bundlers for browsers
 * ignore the import.
 */
export async function importUnbundled<Module>(name: string): Promise<Module> {
  return import(/* @vite-ignore */ /* webpackIgnore: true */ name)
}

/**
 * Returns the URL of a module that only hosts with a file system run as a thread. Bundlers follow literal URLs, and
 * those that recognise the one in `new Worker(...)` would emit the module a second time, unprocessed.
 */
export function unbundledUrl(path: string, base: string): URL {
  return new URL(path, base)
}

/**
 * Whether there is a file system to read: on Node, Deno and Bun, but not in browsers and edge functions,
 * some of which show a `process` of Node's shape.
 */
export function hasFileSystem(): boolean {
  if (typeof process !== 'object' || typeof process?.versions?.node !== 'string') return false
  if (typeof document === 'object' || 'EdgeRuntime' in globalThis) return false
  return globalThis.navigator?.userAgent !== 'Cloudflare-Workers'
}

/** The modules of Node that are used here. */
interface Builtins {
  'node:fs': typeof import('node:fs')
  'node:fs/promises': typeof import('node:fs/promises')
  'node:module': typeof import('node:module')
  'node:os': typeof import('node:os')
  'node:worker_threads': typeof import('node:worker_threads')
}

/** A module of Node, only where there is one. */
export function importBuiltin<Name extends keyof Builtins>(name: Name): Promise<Builtins[Name]> {
  return importUnbundled(name)
}

/**
 * A module that only hosts with files need: the name reaches `import` as a variable, so that bundlers for the
 * browser leave it alone.
 */
export async function importUnbundled<Module>(name: string): Promise<Module> {
  return import(/* @vite-ignore */ /* webpackIgnore: true */ name)
}

/**
 * A module that only hosts with files start as a thread: bundlers follow literal URLs, and those that know the one
 * in `new Worker(...)` would emit this one once more, as it is.
 */
export function unbundledUrl(path: string, base: string): URL {
  return new URL(path, base)
}

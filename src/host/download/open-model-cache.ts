import { hasFileSystem, importBuiltin } from '../platform/builtins.ts'
import { environmentVariable } from '../platform/environment.ts'
import type { ModelCache } from './model-cache.ts'

/**
 * Opens the cache of this host: a folder if there is a file system, the Cache API in browsers, none elsewhere.
 *
 * @param place a folder; `true` for the default, which is `SOFTMARGIN_CACHE`, or else `softmargin` in
 *   `XDG_CACHE_HOME`, `LOCALAPPDATA` or `~/.cache`; `false` for none
 */
export async function openModelCache(place: boolean | string): Promise<ModelCache | undefined> {
  if (place === false) return undefined
  if (hasFileSystem()) {
    const { FolderCache } = await import('./folder-cache.ts')
    const folder = typeof place === 'string' ? place : await usualFolder().catch(() => undefined)
    return folder === undefined ? undefined : FolderCache.open(folder)
  }
  if (typeof caches !== 'object') return undefined
  const { BrowserCache } = await import('./browser-cache.ts')
  return BrowserCache.open(typeof place === 'string' ? place : 'softmargin')
}

export async function usualFolder(): Promise<string> {
  const folder = environmentVariable('SOFTMARGIN_CACHE')
  if (folder) return folder
  const shared = environmentVariable('XDG_CACHE_HOME') ?? environmentVariable('LOCALAPPDATA')
  if (shared) return `${shared}/softmargin`
  const { homedir } = await importBuiltin('node:os')
  return `${homedir()}/.cache/softmargin`
}

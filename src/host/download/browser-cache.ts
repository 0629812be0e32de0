import { sha256 } from '../../core/sha256.ts'
import { withoutSecrets } from '../storage/url-secrets.ts'
import {
  MemoryDownload,
  type ModelCache,
  type PartialDownload,
  type Stored,
  type StoredMetadata,
} from './model-cache.ts'

/** A model cache in the browser's Cache API, which stores a response as a whole or not at all. */
export class BrowserCache implements ModelCache {
  readonly #cache: Cache

  private constructor(cache: Cache) {
    this.#cache = cache
  }

  /** @returns `undefined` if the browser denies access, as it does on pages without a secure context */
  static async open(name: string): Promise<BrowserCache | undefined> {
    return caches.open(name).then(
      (cache) => new BrowserCache(cache),
      () => undefined,
    )
  }

  async read(url: string): Promise<Stored | undefined> {
    try {
      const response = await this.#cache.match(await keyOf(url))
      const metadata: StoredMetadata = JSON.parse(response?.headers.get('x-softmargin') ?? 'null')
      if (!response || !metadata) return undefined
      const bytes = new Uint8Array(await response.arrayBuffer())
      // Code of the page or an extension may have replaced the entry, so its hash is verified.
      return (await sha256(bytes)) === metadata.sha256 ? { ...metadata, bytes } : undefined
    } catch {
      return undefined
    }
  }

  async open(): Promise<PartialDownload> {
    return new BrowserDownload(this.#cache)
  }
}

class BrowserDownload extends MemoryDownload {
  readonly #cache: Cache

  constructor(cache: Cache) {
    super()
    this.#cache = cache
  }

  override async commit(metadata: StoredMetadata): Promise<void> {
    const shown = JSON.stringify({ ...metadata, url: withoutSecrets(metadata.url) })
    const headers = { 'x-softmargin': shown, 'content-type': 'application/octet-stream' }
    // If storage is full, the file is only downloaded again next time.
    const response = new Response(await this.bytes(), { headers })
    await this.#cache.put(await keyOf(metadata.url), response).catch(() => {})
  }
}

/** The key of a file: its URL, or one in which a hash replaces the secrets. */
async function keyOf(url: string): Promise<string> {
  const shown = withoutSecrets(url)
  if (shown === url) return url
  const digest = await sha256(new TextEncoder().encode(url))
  const { origin, pathname } = new URL(url)
  return `${origin}${pathname}?softmargin=${digest}`
}

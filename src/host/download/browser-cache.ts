import { withoutSecrets } from '../storage/url-secrets.ts'
import {
  MemoryPart,
  type ModelCache,
  type Part,
  type Stored,
  type StoredMetadata,
  sha256,
} from './model-cache.ts'

/** Downloads in the browser's Cache API, which stores a response as a whole or not at all. */
export class BrowserCache implements ModelCache {
  readonly #cache: Cache

  private constructor(cache: Cache) {
    this.#cache = cache
  }

  /** @returns nothing where the browser refuses, as it does on pages that are not secure */
  static async open(name: string): Promise<BrowserCache | undefined> {
    return caches.open(name).then(
      (cache) => new BrowserCache(cache),
      () => undefined,
    )
  }

  async read(url: string): Promise<Stored | undefined> {
    try {
      const response = await this.#cache.match(await keyOf(url))
      const facts: StoredMetadata = JSON.parse(response?.headers.get('x-softmargin') ?? 'null')
      if (!response || !facts) return undefined
      const bytes = new Uint8Array(await response.arrayBuffer())
      // What a program of the page itself, or an extension, put there is not what was kept.
      return (await sha256(bytes)) === facts.sha256 ? { ...facts, bytes } : undefined
    } catch {
      return undefined
    }
  }

  async open(): Promise<Part> {
    return new BrowserPart(this.#cache)
  }
}

class BrowserPart extends MemoryPart {
  readonly #cache: Cache

  constructor(cache: Cache) {
    super()
    this.#cache = cache
  }

  override async keep(facts: StoredMetadata): Promise<void> {
    const note = JSON.stringify({ ...facts, url: withoutSecrets(facts.url) })
    const headers = { 'x-softmargin': note, 'content-type': 'application/octet-stream' }
    // A full disk costs a download next time, nothing else.
    const answer = new Response(await this.bytes(), { headers })
    await this.#cache.put(await keyOf(facts.url), answer).catch(() => {})
  }
}

/** The URL that a file is kept by: its own, or one that has a hash in place of its secrets. */
async function keyOf(url: string): Promise<string> {
  const shown = withoutSecrets(url)
  if (shown === url) return url
  const digest = await sha256(new TextEncoder().encode(url))
  const { origin, pathname } = new URL(url)
  return `${origin}${pathname}?softmargin=${digest}`
}

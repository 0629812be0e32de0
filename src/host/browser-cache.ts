import { MemoryPart, type ModelCache, type Part, type Stored, type StoredFacts } from './model-cache.ts'

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
    const response = await this.#cache.match(url).catch(() => undefined)
    const facts = response?.headers.get('x-softmargin')
    if (!response || !facts) return undefined
    return { ...JSON.parse(facts), bytes: new Uint8Array(await response.arrayBuffer()) }
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

  override async keep(facts: StoredFacts): Promise<void> {
    const headers = { 'x-softmargin': JSON.stringify(facts), 'content-type': 'application/octet-stream' }
    // A full disk costs a download next time, nothing else.
    await this.#cache.put(facts.url, new Response(await this.bytes(), { headers })).catch(() => {})
  }
}

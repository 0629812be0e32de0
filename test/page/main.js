// Functions that tests call in a real browser; their results can be sent.
import { FeatureExtractor, FeatureStore } from '../../dist/lib/index.js'
import { gpuProgram } from '../hosts/gpu.js'

window.programs = {
  async gpu() {
    const response = await fetch('resnet18.onnx')
    return gpuProgram(
      FeatureExtractor,
      await import('onnxruntime-web/webgpu'),
      new Uint8Array(await response.arrayBuffer()),
    )
  },

  /** Loads a model from a URL; returns the bytes of each progress report and the outcome. */
  async load(url, download) {
    const seen = []
    try {
      const onProgress = ({ done }) => seen.push(done)
      const extractor = await FeatureExtractor.create({
        model: new URL(url, location.href),
        download,
        onProgress,
      })
      const { layer } = extractor.describe()
      extractor.dispose()
      return { seen, layer }
    } catch ({ code, message }) {
      return { seen, code, message }
    }
  },

  /** The URLs in a cache of this origin. */
  async kept(name) {
    if (!(await caches.has(name))) return undefined
    const requests = await (await caches.open(name)).keys()
    return requests.map(({ url }) => new URL(url).pathname)
  },

  /** Makes the stores of this page use IndexedDB, as in browsers whose pages cannot write to OPFS. */
  withoutOpfs() {
    delete FileSystemFileHandle.prototype.createWritable
  },

  /** Begins to extract images into a store, two at a time; `window.done` is the number of images extracted. */
  begin(name, count) {
    window.done = 0
    FeatureStore.open(name)
      .then(async (store) => {
        const onProgress = ({ done }) => (window.done = done)
        await store.extract(await FeatureExtractor.create(), noise(count), { batchSize: 2, onProgress })
      })
      .catch((error) => (window.done = String(error)))
  },

  /** The content of a store when it is opened, and after it has this many images. */
  async goOn(name, count, { save = false } = {}) {
    const store = await FeatureStore.open(name)
    const found = store.size
    const extractor = await FeatureExtractor.create()
    const extract = extractor.extract.bind(extractor)
    let extracted = 0
    extractor.extract = (images, o) => {
      extracted += images.length
      return extract(images, o)
    }
    const labels = Array.from({ length: count }, (_, i) => i % 3)
    const kept = await store.extract(extractor, noise(count), { labels })
    const wanted = await extract(noise(count))
    if (save) await store.save()
    store.dispose()
    return {
      found,
      extracted,
      size: store.size,
      labels: store.labels.slice(0, 4),
      same: kept.data.every((value, i) => value === wanted.data[i]),
    }
  },

  remove: (name) => FeatureStore.remove(name),

  /** Opens a store and keeps it open. @returns the error code, if any */
  async hold(name) {
    try {
      window.held = await FeatureStore.open(name)
      return 'open'
    } catch ({ code }) {
      return code
    }
  },

  /** Extracts one more image into the store that is open. @returns the error code, if any */
  async extractInto(number) {
    try {
      await window.held.extract(await FeatureExtractor.create(), noise(number + 1).slice(number))
      return window.held.size
    } catch ({ code }) {
      return code
    }
  },

  saveHeld: () => window.held.save(),
  disposeHeld: () => window.held.dispose(),

  /** Damages a record of a store. */
  async damage(name, number) {
    if ('createWritable' in FileSystemFileHandle.prototype) {
      const stores = await (await navigator.storage.getDirectory()).getDirectoryHandle('softmargin')
      const folder = await stores.getDirectoryHandle(`store ${encodeURIComponent(name)}`)
      const names = []
      for await (const key of folder.keys()) names.push(key)
      const handle = await folder.getFileHandle(names.sort()[number])
      const { size } = await handle.getFile()
      const stream = await handle.createWritable()
      await stream.write(new Uint8Array(size))
      await stream.close()
      return
    }
    await new Promise((resolve, reject) => {
      const opening = indexedDB.open('softmargin')
      opening.onerror = reject
      opening.onsuccess = () => {
        const transaction = opening.result.transaction('records', 'readwrite')
        const records = transaction.objectStore('records')
        const asking = records.get([name, number + 1])
        asking.onsuccess = () => records.put(new Uint8Array(asking.result.length), [name, number + 1])
        transaction.oncomplete = () => {
          opening.result.close()
          resolve()
        }
      }
    })
  },

  /** The files of the stores in OPFS, and the keys in IndexedDB. */
  async places() {
    const files = []
    const walk = async (folder) => {
      for await (const [name, handle] of folder) {
        if (handle.kind === 'directory') await walk(handle)
        else files.push(name)
      }
    }
    await walk(await navigator.storage.getDirectory())
    const [database] = await indexedDB.databases()
    if (!database) return { files, keys: [] }
    const keys = await new Promise((resolve, reject) => {
      const opening = indexedDB.open(database.name)
      opening.onerror = reject
      opening.onsuccess = () => {
        const asking = opening.result.transaction('records').objectStore('records').getAllKeys()
        asking.onsuccess = () => {
          opening.result.close()
          resolve(asking.result)
        }
      }
    })
    return { files, keys }
  },
}

/** Grey images that are all different. */
function noise(count) {
  return Array.from({ length: count }, (_, i) => {
    const data = Uint8Array.from({ length: 28 * 28 }, (_, j) => (i * 31 + j * (i + 7)) % 256)
    data.set([i, i >> 8])
    return { data, width: 28, height: 28, channels: 1 }
  })
}

// Functions that tests call in a real browser; their results can be sent.
import { FeatureExtractor, FeatureStore, imagesFromFolder } from '../../dist/lib/index.js'
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

  /**
   * Extracts the same picture from each kind of object that a page has.
   *
   * @returns for each kind the largest difference of its features from those of the raw pixels
   */
  async drawn() {
    const [width, height] = [40, 30]
    const canvas = Object.assign(document.createElement('canvas'), { width, height })
    const context = canvas.getContext('2d')
    const pixels = context.createImageData(width, height)
    for (let i = 0; i < pixels.data.length; i++) pixels.data[i] = i % 4 === 3 ? 255 : (i * 31) % 251
    context.putImageData(pixels, 0, 0)
    const offscreen = new OffscreenCanvas(width, height)
    offscreen.getContext('2d').drawImage(canvas, 0, 0)
    const png = await new Promise((resolve) => canvas.toBlob(resolve, 'image/png'))
    const element = new Image()
    element.src = URL.createObjectURL(png)
    const loading = new Image()
    loading.src = URL.createObjectURL(png)
    await element.decode()
    // The size at which an element is shown does not change its pixels.
    Object.assign(element, { width: 10, height: 10 })
    const folder = await navigator.storage.getDirectory()
    const classes = await folder.getDirectoryHandle('pictures', { create: true })
    for (const name of ['cat', 'dog']) {
      const handle = await classes.getDirectoryHandle(name, { create: true })
      const stream = await (await handle.getFileHandle('1.png', { create: true })).createWritable()
      await stream.write(png)
      await stream.close()
    }
    const { images: files, labels } = await imagesFromFolder(classes)
    const input = Object.assign(document.createElement('input'), { type: 'file', multiple: true })
    const transfer = new DataTransfer()
    transfer.items.add(new File([png], 'chosen.png'))
    input.files = transfer.files
    const inputs = {
      ImageData: pixels,
      HTMLCanvasElement: canvas,
      OffscreenCanvas: offscreen,
      ImageBitmap: await createImageBitmap(canvas),
      HTMLImageElement: element,
      'HTMLImageElement that is loading': loading,
      VideoFrame: new VideoFrame(canvas, { timestamp: 0 }),
      Blob: png,
      File: new File([png], 'picture.png'),
      'directory handle': files[1],
      'file of a FileList': [...input.files][0],
    }
    const extractor = await FeatureExtractor.create()
    const raw = await extractor.extract([{ data: new Uint8Array(pixels.data), width, height, channels: 4 }])
    const all = await extractor.extract(Object.values(inputs))
    const differences = Object.keys(inputs).map((kind, i) => {
      const row = Array.from(all.row(i))
      return [kind, Math.max(...row.map((value, k) => Math.abs(value - raw.data[k])))]
    })
    // No script can choose a folder, so these files have no paths.
    const loose = await imagesFromFolder(input.files).catch(({ code }) => code)
    return { labels, loose, differences: Object.fromEntries(differences) }
  },

  /** Extracts a frame of a playing video, and returns how a video without a frame is rejected. */
  async video() {
    const [width, height] = [48, 32]
    const canvas = Object.assign(document.createElement('canvas'), { width, height })
    const context = canvas.getContext('2d')
    const video = document.createElement('video')
    const extractor = await FeatureExtractor.create()
    const refused = await extractor.extract([video]).catch(({ code, message }) => ({ code, message }))
    video.muted = true
    video.srcObject = canvas.captureStream()
    context.fillStyle = 'rgb(200, 40, 90)'
    context.fillRect(0, 0, width, height)
    const playing = new Promise((resolve) => video.requestVideoFrameCallback(resolve))
    await video.play()
    await playing
    const features = await extractor.extract([video])
    const shown = await extractor.extract([canvas])
    const norm = (values) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0))
    const difference = norm(Array.from(features.data, (value, k) => value - shown.data[k]))
    return { refused, cols: features.cols, difference: difference / norm(shown.data) }
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

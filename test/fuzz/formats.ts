import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { trainingSetFromFile, trainingSetToFile } from '../../src/classifier/training-set.ts'
import { NotForEngine } from '../../src/cnn/engine/lowering/not-for-engine.ts'
import { EngineNetwork } from '../../src/cnn/engine/network.ts'
import { imageTensorInput } from '../../src/cnn/image-tensor-input.ts'
import { findLayer, listLayers } from '../../src/cnn/layers/list-layers.ts'
import { linesOf } from '../../src/data/lines.ts'
import { decodeImage } from '../../src/image/decode.ts'
import { addFormats } from '../../src/image/formats/all-formats.ts'
import type { RawImage } from '../../src/image/image-input.ts'
import { readClassifier } from '../../src/onnx/classifier/read-classifier.ts'
import { type ClassifierParts, writeClassifier } from '../../src/onnx/classifier/write-classifier.ts'
import { cutModel } from '../../src/onnx/edit/cut.ts'
import { withFloat32Io } from '../../src/onnx/edit/float32-io.ts'
import { readModel } from '../../src/onnx/graph/read-model.ts'
import { type ModelProto, ModelProtoSchema } from '../../src/onnx/proto/onnx.ts'
import { toBinary } from '../../src/onnx/proto/write-message.ts'
import { inferTensors } from '../../src/onnx/shapes/infer.ts'
import { FeatureStore } from '../../src/store/feature-store.ts'
import { type StoredFeatures, storeToNpz } from '../../src/store/store-file.ts'
import { svcFromMetadata } from '../../src/svm/formats/svc-metadata.ts'
import * as softmargin from '../../src/svm.ts'
import { partsOf } from '../support/classifier-parts.ts'
import { clouds } from '../support/clouds.ts'
import { residualCnn, spreadCnn } from '../support/engine-cnns.ts'
import { layeredCnn, layeredCnnBytes } from '../support/layered-cnn.ts'
import { manyOperators } from '../support/many-operators.ts'
import { measuredLayers } from '../support/measured-layers.ts'
import { dynamicCnn, halfCnn, qdqCnn, qlinearCnn } from '../support/model-kinds.ts'
import type { SeededRandom } from '../support/random.ts'
import { mutateGraph } from './graph-mutations.ts'
import { anyPng } from './png-mutations.ts'
import { mutatePicture } from './segment-mutations.ts'

/** A file format: valid files to start from, and the functions that read it. */
export interface Format {
  name: string
  seeds: Uint8Array[]
  /** The first one accepts every valid file. */
  reads: ((bytes: Uint8Array) => Promise<unknown> | unknown)[]
  /** How many times slower it is to read than other formats. */
  cost?: number
  /** Whether the first reader returns plain data, which must be the same after all damaged files. */
  isPlain?: boolean
  /** Damages one of the seeds in a way specific to the format. Default: changes arbitrary bytes. */
  mutate?: (seed: number, random: SeededRandom) => Uint8Array
}

const { SVC } = softmargin
const fixture = (name: string) => new Uint8Array(readFileSync(join(process.cwd(), 'test/fixtures', name)))
const fixtures = (folder: string, names: string) =>
  names.split(' ').map((name) => fixture(`${folder}/${name}`))

async function drain(items: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of items);
}

/** Predicts, in one of 50 cases, with what was read: a model that was accepted must work. */
function thenPredict(
  read: (bytes: Uint8Array) => Promise<softmargin.SVC> | softmargin.SVC,
): (bytes: Uint8Array) => Promise<void> {
  let count = 0
  return async (bytes) => {
    if (count++ % 50 !== 0) return
    using svc = await read(bytes)
    const rows = [0, 1].map((value) => new Float32Array(svc.supportVectors.cols).fill(value))
    await svc.predict(rows)
    if (svc.toState().sigmoids) await svc.predictProba(rows)
    await svc.toOnnx()
  }
}

/** SVCs with all kernels. */
async function createSvcs(): Promise<softmargin.SVC[]> {
  const svcs: softmargin.SVC[] = []
  for (const [i, kernel] of (['linear', 'poly', 'rbf', 'sigmoid'] as const).entries()) {
    const { X, codes } = clouds(12, 2 + (i % 3), i)
    svcs.push(await new SVC({ kernel }).fit(X, i === 2 ? codes.map((code) => `class ${code}`) : codes))
  }
  const probability = SVC.fromLibsvm(new TextDecoder().decode(fixture('libsvm/probability.model')))
  const scaler = { kind: 'scaler', offset: new Float32Array(6), scale: new Float32Array(6).fill(2) } as const
  const scaled = SVC.fromState({
    ...svcs[0].toState(),
    inputSteps: [scaler, { kind: 'normalizer', norm: 'l2' }],
  })
  const sigmoids = { a: Float64Array.of(-1.5), b: Float64Array.of(0.25) }
  const two = svcs[0].toState()
  const options = { ...two.options, probability: true }
  return [...svcs, probability, scaled, SVC.fromState({ ...two, options, sigmoids })]
}

const segmentSeeds = fixtures(
  'images',
  '20x31.png palette.png sixteen-bit.png grey.jpg baseline.jpg progressive.jpg orientation6.jpg',
)

/** All formats that the package reads. */
export async function formats(): Promise<Format[]> {
  addFormats()
  const svcs = await createSvcs()
  const texts = svcs
    .filter((svc) => typeof svc.classes[0] === 'number' && !svc.toState().inputSteps)
    .map((svc) => new TextEncoder().encode(svc.toLibsvm()))
  const onnx = await Promise.all(svcs.map((svc) => svc.toOnnx()))
  const latin = new TextDecoder('latin1')
  const npy =
    'floats-f8.npy floats-big-f4.npy integers-i8.npy texts.npy texts-bytes.npy truth.npy fortran.npy'
  return [
    {
      name: 'LIBSVM model',
      seeds: texts,
      reads: [
        (bytes) => SVC.fromLibsvm(latin.decode(bytes)),
        thenPredict((bytes) => SVC.fromLibsvm(latin.decode(bytes))),
      ],
    },
    {
      name: 'ONNX SVC',
      seeds: [...onnx, ...onnx.map(withoutMetadata)],
      reads: [(bytes) => SVC.fromOnnx(bytes), thenPredict((bytes) => SVC.fromOnnx(bytes))],
    },
    {
      name: 'svmlight',
      seeds: fixtures('data', 'one-based.svmlight zero-based.svmlight odd.svmlight'),
      reads: [
        (bytes) => softmargin.readSvmlight(bytes),
        (bytes) => drain(softmargin.svmlightBatches(bytes, { columns: 20, batchSize: 7 })),
      ],
    },
    {
      name: '.npy',
      seeds: fixtures('data', npy),
      reads: [
        (bytes) => softmargin.readNpy(bytes),
        async (bytes) => (await softmargin.readNpy(bytes)).toLabels(),
        async (bytes) => (await softmargin.readNpy(bytes)).toMatrix(),
        (bytes) => drain(softmargin.npyBatches(bytes, { batchSize: 2 })),
      ],
    },
    {
      name: '.npz',
      seeds: fixtures('data', 'stored.npz packed.npz'),
      reads: [(bytes) => softmargin.readNpz(bytes), (bytes) => drain(softmargin.npzBatches(bytes, 'X'))],
    },
    {
      name: 'feature store',
      seeds: [
        storeToNpz(storedFeatures()),
        storeToNpz(severalLayers()),
        storeToNpz(mixedLabels()),
        storeToNpz(halves()),
      ],
      reads: [async (bytes) => (await FeatureStore.fromNpz(bytes)).toNpz()],
    },
    {
      name: 'CSV',
      seeds: [fixture('data/table.csv'), new TextEncoder().encode('x,y,z\n1,2,a\n-3e2,"4.5",b\n')],
      reads: [
        (bytes) => drain(softmargin.csvRecords(bytes)),
        (bytes) => softmargin.readCsv(bytes, { label: 'z' }),
        (bytes) => softmargin.readCsv(bytes, { columns: ['x'] }),
      ],
    },
    {
      name: 'ONNX CNN',
      seeds: [layeredCnnBytes(), layeredCnnBytes({ weightsAsInputs: true })],
      reads: [(bytes) => cutModel(readModel(bytes), ['pool'])],
    },
    {
      name: 'ONNX graph',
      seeds: graphs().map((model) => toBinary(ModelProtoSchema, model)),
      reads: [examineGraph],
      mutate: (seed, random) => mutateGraph(graphs()[seed], random),
      cost: 5,
    },
    {
      name: 'network in our engine',
      seeds: networks32().map((model) => toBinary(ModelProtoSchema, model)),
      reads: [runInEngine],
      mutate: (seed, random) => mutateGraph(networks32()[seed], random),
      cost: 5,
    },
    {
      name: 'saved classifier',
      seeds: [
        partsOf({ classes: ['cat', 'cow', 'dog'] }),
        partsOf({ classes: [1, 2], scale: 'l2', pooling: { grid: 2 } }),
        partsOf({ classes: ['cat', 'cow', 'dog'], sigmoids: true }),
        partsOf({ classes: [1, 2], sigmoids: true }),
        partsOf({ classes: ['cat', 'cow', 'dog'], sigmoids: true, calibration: { power: 1.5 }, known: true }),
        partsOf({ classes: [1, 2], scale: 'none', known: true }),
      ].map((parts) =>
        writeClassifier({ ...parts, about: { svm: svmMetadata(parts), learnt: trainingSetMetadata(parts) } }),
      ),
      reads: [
        (bytes) => {
          const { svm, about } = readClassifier(readModel(bytes))
          const { classes } = svcFromMetadata(svm, about.svm)
          return trainingSetFromFile(about.learnt, classes)
        },
      ],
    },
    {
      name: 'PNG',
      seeds: segmentSeeds,
      reads: [wholePicture],
      isPlain: true,
      mutate: (_, random) => anyPng(random),
    },
    {
      name: 'GIF and BMP',
      seeds: fixtures(
        'formats',
        'interlaced.gif transparent.gif moving.gif 8.bmp rle8.bmp 565.bmp 32.bmp 1.bmp',
      ),
      reads: [wholePicture],
      isPlain: true,
      cost: 2,
    },
    {
      name: 'WebP, AVIF and CMYK JPEG',
      seeds: fixtures('formats', 'alpha.webp lossless.webp moving-alpha.webp scene.avif alpha.avif cmyk.jpg'),
      reads: [wholePicture],
      isPlain: true,
      cost: 20,
    },
    {
      name: 'picture segments',
      seeds: segmentSeeds,
      reads: [wholePicture],
      isPlain: true,
      mutate: (seed, random) => mutatePicture(segmentSeeds[seed], random),
      cost: 20,
    },
    {
      name: 'CSV in pieces',
      seeds: [fixture('data/table.csv')],
      reads: [inAnyPieces],
      mutate: (_, random) => anyCsv(random),
      cost: 10,
    },
    {
      name: 'picture',
      seeds: fixtures(
        'images',
        '20x31.png palette.png sixteen-bit.png grey.jpg progressive.jpg orientation6.jpg',
      ),
      reads: [wholePicture],
      isPlain: true,
      cost: 20,
    },
  ]
}

/** @throws {Error} if pixels are missing */
async function wholePicture(bytes: Uint8Array): Promise<RawImage> {
  const image = await decodeImage(bytes)
  if (image.data.length !== image.width * image.height * 4) throw new Error(`${image.data.length} bytes`)
  return image
}

/** Random text of the characters that matter in CSV, with all kinds of line endings. */
function anyCsv(random: SeededRandom): Uint8Array {
  const words = [
    'a',
    'b',
    'xyz',
    ',',
    ',',
    '"',
    '""',
    '"a,b"',
    '"x\r\ny"',
    '\n',
    '\r',
    '\r\n',
    '\u00e9',
    '\u{1f600}',
    ' ',
  ]
  const text = Array.from({ length: random.pick(1, 5, 20, 200) }, () => random.pick(...words)).join('')
  return new TextEncoder().encode(`${random.below(2) === 0 ? 'h,i\n' : ''}${text}`)
}

/**
 * Reads CSV and the lines of svmlight as a whole and in pieces of any size, down to single bytes.
 *
 * @throws {Error} if the records or the errors differ
 * @throws {SoftmarginError} if the file is rejected
 */
async function inAnyPieces(bytes: Uint8Array): Promise<void> {
  const read = async (size: number) => {
    const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
      bytes.subarray(i * size, (i + 1) * size),
    )
    const found: unknown[] = []
    try {
      for await (const record of softmargin.csvRecords(pieces)) found.push(record)
    } catch (error) {
      found.push(String(error))
    }
    for await (const line of linesOf(pieces, 'text', {})) found.push(line)
    return JSON.stringify(found)
  }
  const whole = await read(Math.max(bytes.length, 1))
  for (const size of [1, 2, 3, 7]) {
    const found = await read(size)
    if (found !== whole) throw new Error(`in pieces of ${size}: ${found} instead of ${whole}`)
  }
  // Throws if the file is rejected.
  await drain(softmargin.csvRecords(bytes))
}

/** Networks of all kinds, created once. */
function graphs(): ModelProto[] {
  networks ??= [layeredCnn(), qdqCnn(), qlinearCnn(), dynamicCnn(), halfCnn(), manyOperators()]
  return networks
}
let networks: ModelProto[] | undefined

/** Networks of operators that our engine supports. */
function networks32(): ModelProto[] {
  engineNetworks ??= [layeredCnn(), residualCnn(), spreadCnn()]
  return engineNetworks
}
let engineNetworks: ModelProto[] | undefined

/**
 * Compiles a network for our engine and runs it on a picture. A network that the engine does not support is not an
 * error.
 *
 * @throws {Error} if the length of an output does not match its dimensions
 */
async function runInEngine(bytes: Uint8Array): Promise<void> {
  const model = readModel(bytes)
  const port = imageTensorInput(model)
  const dims = [port.batch ?? 2, port.channels, port.height ?? 13, port.width ?? 18]
  const length = dims.reduce((all, n) => all * n, 1)
  if (!(length <= 1e6)) return
  try {
    const network = await EngineNetwork.create({ model, input: port.name, batch: port.batch }, dims)
    const picture = Float32Array.from({ length }, (_, i) => ((i * 7919) % 256) / 255)
    for (const [name, { data, dims: outputDims }] of await network.run(picture, dims)) {
      if (data.length !== outputDims.reduce((all, n) => all * n, 1))
        throw new Error(`${name} is not [${outputDims}]`)
    }
    network.release()
  } catch (error) {
    if (!(error instanceof NotForEngine)) throw error
  }
}

/**
 * Analyses a network as far as possible without ONNX Runtime.
 *
 * @throws {Error} if a shape is invalid
 */
function examineGraph(bytes: Uint8Array): void {
  const model = readModel(bytes)
  const facts = inferTensors(model)
  for (const [name, { dims = [], values = [] }] of facts) {
    const isShape = dims.every((size) => size === undefined || (Number.isSafeInteger(size) && size >= 0))
    if (!isShape || dims.length > 64) throw new Error(`${name} has the shape ${dims}`)
    if (values.length > 64) throw new Error(`${name} has ${values.length} values`)
  }
  const layers = listLayers(model, facts)
  const layer = layers.find(({ isDefault }) => isDefault)
  if (!layer) return
  const port = imageTensorInput(withFloat32Io(cutModel(model, [findLayer(layers, layer.name).name]), facts))
  const dims = [port.batch ?? 1, port.channels, port.height ?? 13, port.width ?? 18]
  for (const { shape = [], share = 0 } of measuredLayers(model, { name: port.name, dims })) {
    if (!shape.every(Number.isSafeInteger) || !(share >= 0 && share <= 1)) {
      throw new Error(`a layer has the shape ${shape} and the share ${share}`)
    }
  }
}

/** The metadata of the SVM in a saved classifier. */
function svmMetadata({ svm }: ClassifierParts): object {
  const { kernel, coef0, degree, intercept, supportVectors, sigmoids } = svm
  return {
    options: { kernel, coef0, degree, probability: sigmoids !== undefined },
    fitStatus: 'converged',
    nIter: Array.from(intercept, () => 9),
    support: Array.from({ length: supportVectors.rows }, (_, i) => i),
  }
}

/** The metadata of the training images in a saved classifier. */
function trainingSetMetadata({ svm: { classes } }: ClassifierParts): object | undefined {
  const keys = classes.map((_, i) => `${i}f`.repeat(32))
  return trainingSetToFile({ keys, labels: classes, features: undefined }, classes)
}

/** A model as other programs write it. */
function withoutMetadata(bytes: Uint8Array): Uint8Array {
  const model = readModel(bytes)
  model.metadataProps = []
  return toBinary(ModelProtoSchema, model)
}

function storedFeatures(): StoredFeatures {
  return {
    features: new softmargin.Matrix(Float32Array.of(1, -2, 0.5, 3, 4, 5), 3, 2),
    keys: ['aa', 'bb', 'cc'],
    names: ['a.png', 'b.png', ''],
    labels: ['cat', 'dog', ''],
    signature: { fingerprint: 'ff', layer: 'relu', pooling: '"max"', preprocess: '{}', featureSize: 2 },
  }
}

/** A store whose numbers are float16. */
function halves(): StoredFeatures {
  const stored = storedFeatures()
  return { ...stored, signature: { ...stored.signature, precision: 'float16' } }
}

/** A store with labels of both types, and without a label. */
function mixedLabels(): StoredFeatures {
  return { ...storedFeatures(), labels: [7, '7', ''] }
}

/** A store with the features of two layers side by side. */
function severalLayers(): StoredFeatures {
  const stored = storedFeatures()
  const part = { pooling: '"max"', featureSize: 1 }
  const parts = ['map', 'relu'].map((layer) => ({ ...part, layer, fingerprint: `of ${layer}` }))
  return { ...stored, signature: { ...stored.signature, parts } }
}

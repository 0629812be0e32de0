import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { chooseLayer, FeatureExtractor, FeatureStore, SVC, writeNpy, writeNpz } from '../../src/index.ts'
import { CliFolder, program, softmargin } from '../support/cli.ts'

let place: CliFolder
let folder: string
let pictures: string
let model: string

beforeAll(async () => {
  place = await CliFolder.withModel()
  ;({ folder, pictures, model } = place)
}, 60_000)
afterAll(() => place.close())

describe('softmargin extract', () => {
  it('writes features with names and labels, and continues with an existing file', async () => {
    const output = join(folder, 'features.npz')
    const args = ['--layer', 'stage3', '--pooling', '2x2', '-o', output, '--json']
    const ones = await softmargin('extract', join(pictures, 'one'), ...args)
    expect(ones.stderr).toBe('')
    expect(ones.code).toBe(0)
    expect(JSON.parse(ones.stdout)).toMatchObject({ images: 20, added: 20, inFile: 20, features: 384 })
    const all = await softmargin('extract', pictures, ...args)
    expect(JSON.parse(all.stdout)).toMatchObject({ images: 60, added: 40, inFile: 60, layer: 'stage3' })
    const store = await FeatureStore.open(output)
    const at = store.names.indexOf(join(pictures, 'zéro', '0.png'))
    expect(store.labels[at]).toBe('zéro')
    using extractor = await FeatureExtractor.create({ layer: 'stage3', pooling: { grid: 2 } })
    const [wanted] = [await extractor.extract([join(pictures, 'zéro', '0.png')])]
    expect(store.features.row(at)).toEqual(wanted.row(0))
    const info = await softmargin('info', output)
    store.dispose()
    expect(info.stdout).toMatch(
      /^kind: a feature store\nimages: 60\nfeatures: 384\nclasses: \["eight","one","zéro"\]\n/,
    )
    const other = await softmargin('extract', pictures, '-o', output)
    expect(other.code).toBe(1)
    expect(other.stderr).toMatch(/their layer is stage3/)
  })
})

describe('softmargin layers', () => {
  it('lists the layers of a CNN', async () => {
    const { code, stdout } = await softmargin('layers', 'tiny')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^layer +operator +shape +work\n/)
    expect(stdout).toMatch(/^stage3 .* \d+ x \d+ x \d+ .* % {2}ends a stage$/m)
    expect(stdout.match(/ default$/gm)).toHaveLength(1)
    const { layers } = JSON.parse((await softmargin('layers', 'tiny', '--json')).stdout)
    expect(layers.map(({ name }: { name: string }) => name)).toContain('stage2')
  })
})

describe('softmargin info and convert', () => {
  it('describes a classifier and a CNN', async () => {
    const { code, stdout } = await softmargin('info', model)
    expect(code).toBe(0)
    expect(stdout).toMatch(/^kind: an image classifier\nclasses: \["eight","one","zéro"\]\nkernel: rbf\n/)
    expect(stdout).toMatch(/^layer: stage3\npooling: \{"grid":2\}$/m)
    const cnn = await softmargin('info', join(program, '../../tiny.onnx'), '--json')
    expect(JSON.parse(cnn.stdout)).toMatchObject({ kind: 'an ONNX model', defaultLayer: 'features' })
    const picture = await softmargin('info', join(pictures, 'one', '0.png'))
    expect(picture.code).toBe(1)
    expect(picture.stderr).toMatch(/a PNG image/)
  })

  it('converts an SVM from LIBSVM text to ONNX and back', async () => {
    const X = Array.from({ length: 20 }, (_, i) => [i % 5, (i * 7) % 3, (i * 3) % 4])
    const svc = await new SVC({ probability: true }).fit(
      X,
      X.map(([a], i) => (a > 2 ? 1 : (i % 2) + 2)),
    )
    const text = join(folder, 'a.model')
    writeFileSync(text, svc.toLibsvm())
    const onnx = join(folder, 'a.onnx')
    const there = await softmargin('convert', text, onnx)
    expect(there.stderr).toBe('')
    expect(there.stdout).toMatch(/\(ONNX\): 3 classes, \d+ support vectors of 3 columns\n$/)
    const info = await softmargin('info', onnx, '--json')
    expect(JSON.parse(info.stdout)).toMatchObject({
      kind: 'an SVM (ONNX)',
      columns: 3,
      probabilities: true,
    })
    const back = join(folder, 'b.model')
    const again = await softmargin('convert', onnx, back, '--json')
    expect(JSON.parse(again.stdout)).toMatchObject({ format: 'LIBSVM', classes: [1, 2, 3] })
    const copy = SVC.fromLibsvm(readFileSync(back, 'utf8'))
    expect(await copy.predict(X)).toEqual(await svc.predict(X))
    expect((await softmargin('info', back)).stdout).toMatch(/^kind: an SVM \(LIBSVM text\)\n/)
    const whole = await softmargin('convert', model, join(folder, 'c.model'))
    expect(whole.code).toBe(1)
    expect(whole.stderr).toMatch(/a whole image classifier/)
  })

  it('describes models from svm-train that it cannot use by their header', async () => {
    const file = join(folder, 'regression.model')
    writeFileSync(
      file,
      'svm_type epsilon_svr\nkernel_type rbf\ngamma 0.5\nnr_class 2\ntotal_sv 2\nrho 0.1\nSV\n1 1:1\n-1 1:2\n',
    )
    const { code, stdout } = await softmargin('info', file, '--json')
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      kind: 'an SVM (LIBSVM text)',
      svmType: 'epsilon_svr',
      kernel: 'rbf',
      supportVectors: 2,
      notUsable: expect.stringContaining("its svm_type is 'epsilon_svr'"),
    })
  })

  it('describes a feature store of several layers, and of mirror images', async () => {
    const file = join(folder, 'layers.npz')
    const store = await FeatureStore.open(file)
    using extractor = await FeatureExtractor.create({ mirror: true })
    const images = ['one', 'zéro'].flatMap((name) =>
      readdirSync(join(pictures, name))
        .slice(0, 2)
        .map((file) => join(pictures, name, file)),
    )
    await chooseLayer(images, [0, 0, 1, 1], {
      extractor,
      store,
      layers: ['stage2', 'stage3'],
      poolings: ['max'],
      cv: 2,
    })
    await store.save()
    store.dispose()
    const { stdout } = await softmargin('info', file, '--json')
    expect(JSON.parse(stdout)).toMatchObject({
      mirror: true,
      layers: [
        { layer: 'stage2', pooling: 'max' },
        { layer: 'stage3', pooling: 'max' },
      ],
    })
  })

  it('describes arrays', async () => {
    const file = join(folder, 'arrays.npz')
    writeFileSync(file, writeNpz({ a: [1, 2, 3] }))
    expect((await softmargin('info', file)).stdout).toMatch(/^kind: NumPy arrays\nshapes: \{"a":\[3\]\}\n/)
    writeFileSync(file, writeNpy(new Float32Array(4)))
    expect((await softmargin('info', file)).stdout).toMatch(
      /^kind: a NumPy array\nshape: \[4\]\ndtype: float32\n/,
    )
  })
})

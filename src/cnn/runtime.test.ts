import { describe, expect, it, vi } from 'vitest'
import { smallCnn } from '../../test/support/small-cnn.ts'
import { ModelProtoSchema } from '../onnx/proto/onnx.ts'
import { toBinary } from '../onnx/proto/write-message.ts'
import { FeatureExtractor } from './extractor/extractor.ts'
import { Session } from './ort/session.ts'

const image = (i: number) => ({
  data: Uint8Array.from({ length: 32 * 32 * 3 }, (_, j) => (i * 31 + j * 7) % 256),
  width: 32,
  height: 32,
  channels: 3 as const,
})
const images = [0, 1, 2].map(image)

function distance(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length)
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0)
}

describe('runtime', () => {
  it('reports the runtime and the reason for it', async () => {
    using engine = await FeatureExtractor.create()
    using theirs = await FeatureExtractor.create({ runtime: 'onnxruntime' })
    expect(engine.runtime).toEqual({ name: 'engine', reason: 'it supports every operator of the network' })
    expect(theirs.runtime).toEqual({ name: 'onnxruntime', reason: 'it was asked for' })
  })

  it('engine and onnxruntime agree, at several layers and on mirror images', async () => {
    const choices = ['stage2', 'stage3', 'stage4'].map((layer) => ({ layer, pooling: { grid: 2 } }))
    using engine = await FeatureExtractor.create({ runtime: 'engine', mirror: true })
    using theirs = await FeatureExtractor.create({ runtime: 'onnxruntime', mirror: true })
    expect(engine.runtime.name).toBe('engine')
    const [ours, wanted] = [
      await engine.extractLayers(images, choices),
      await theirs.extractLayers(images, choices),
    ]
    for (const [i, { data }] of ours.entries()) expect(distance(data, wanted[i].data)).toBeLessThan(1e-4)
    expect(distance((await engine.extract(images)).data, (await theirs.extract(images)).data)).toBeLessThan(
      1e-5,
    )
    using inner = await engine.withLayer({ layer: 'stage1' })
    expect(inner.runtime.name).toBe('engine')
  })

  it('onnxruntime shares one session between equal networks while any of them is in use', async () => {
    const create = vi.spyOn(Session, 'create')
    const release = vi.spyOn(Session.prototype, 'release')
    const make = (options = {}) =>
      FeatureExtractor.create({ runtime: 'onnxruntime', layer: 'stage4', ...options })
    const first = await make()
    const [second, larger] = await Promise.all([make(), make({ pooling: { grid: 2 } })])
    using other = await make({ layer: 'stage2' })
    expect(create).toHaveBeenCalledTimes(2)
    const { data } = await first.extract(images)
    first.dispose()
    await expect(first.extract(images)).rejects.toMatchObject({ code: 'DISPOSED' })
    expect((await second.extract(images)).data).toEqual(data)
    expect((await larger.extract(images)).cols).toBe(4 * second.featureSize)
    expect(release).not.toHaveBeenCalled()
    second.dispose()
    larger.dispose()
    await vi.waitFor(() => expect(release).toHaveBeenCalledTimes(1))
    expect((await other.extract(images)).rows).toBe(3)
    using again = await make()
    expect(create).toHaveBeenCalledTimes(3)
    expect((await again.extract(images)).data).toEqual(data)
    vi.restoreAllMocks()
  })

  it('auto gives a network with an unknown operator to onnxruntime as a whole', async () => {
    const model = smallCnn()
    model.graph!.node[1].opType = 'Softsign'
    const bytes = toBinary(ModelProtoSchema, model)
    using extractor = await FeatureExtractor.create({ model: bytes, runtime: 'auto' })
    expect(extractor.runtime).toEqual({
      name: 'onnxruntime',
      reason: "it has the unsupported operator 'Softsign'",
    })
    expect((await extractor.extract(images)).rows).toBe(3)
    await expect(FeatureExtractor.create({ model: bytes, runtime: 'engine' })).rejects.toMatchObject({
      code: 'MODEL_UNSUPPORTED',
      argument: 'runtime',
      message: "the network cannot run in the engine: it has the unsupported operator 'Softsign'",
    })
  })

  it.each([
    [{ runtime: 'native' as 'auto' }],
    [{ runtime: 'engine' as const, device: 'webgpu' as const }],
    [{ runtime: 'engine' as const, device: 'auto' as const }],
  ])('%o is rejected', async (options) => {
    await expect(FeatureExtractor.create(options)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      argument: 'runtime',
    })
  })

  it('is released with the extractor', async () => {
    const extractor = await FeatureExtractor.create({ runtime: 'engine' })
    const running = extractor.extract(images)
    await running
    extractor.dispose()
    await expect(extractor.extract(images)).rejects.toMatchObject({ code: 'DISPOSED' })
  })
})

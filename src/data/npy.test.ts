import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { zipSync } from 'fflate'
import { afterAll, describe, expect, it } from 'vitest'
import { collect, refusal } from '../../test/support/data-readers.ts'
import { hasPythonModule } from '../../test/support/programs.ts'
import { Matrix } from '../core/matrix.ts'
import { NdArray, type NdArrayLike } from './nd-array.ts'
import { npyBatches, readNpy, writeNpy } from './npy.ts'
import { npzBatches, readNpz, writeNpz } from './npz.ts'

const fixtures = new URL('../../test/fixtures/data/', import.meta.url)
const expected = JSON.parse(readFileSync(new URL('expected.json', fixtures), 'utf8'))
const bytesOf = (name: string) => new Uint8Array(readFileSync(new URL(name, fixtures)))

interface Plain {
  shape: number[]
  values: unknown[]
}

/** Converts an array to the JSON that test/fixtures/data/make.py writes. */
function plain({ data, shape }: NdArray): Plain {
  const values = Array.from(data as ArrayLike<unknown>, (value) =>
    typeof value === 'bigint' || (typeof value === 'number' && !Number.isFinite(value))
      ? String(value).replace('Infinity', 'inf').replace('NaN', 'nan')
      : value,
  )
  return { shape: [...shape], values }
}

const text = (content: string) => new TextEncoder().encode(content)
/** A file with this header and `body` bytes of data. */
function npy(header: string, body = 0, version = 1): Uint8Array {
  const start = Uint8Array.of(0x93, ...text('NUMPY'), version, 0, header.length & 255, header.length >> 8)
  const file = new Uint8Array(start.length + header.length + body)
  file.set(start)
  file.set(text(header), start.length)
  return file
}
const header = (descr: string, shape: string, order = 'False') =>
  `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (${shape}), }\n`

/** Yields the same bytes in small pieces. */
async function* smallPieces(bytes: Uint8Array, size = 7): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

describe('readNpy', () => {
  it.each(Object.entries<Plain>(expected.npy))('reads %s as NumPy does', async (name, wanted) => {
    const array = await readNpy(bytesOf(`${name}.npy`))
    expect(plain(array)).toEqual(wanted)
    expect(await readNpy(smallPieces(bytesOf(`${name}.npy`)))).toEqual(array)
  })

  it('keeps element types', async () => {
    expect((await readNpy(bytesOf('floats-f4.npy'))).data).toBeInstanceOf(Float32Array)
    expect((await readNpy(bytesOf('floats-f2.npy'))).data).toBeInstanceOf(Float32Array)
    expect((await readNpy(bytesOf('integers-i8.npy'))).data).toBeInstanceOf(BigInt64Array)
    expect((await readNpy(bytesOf('integers-u1.npy'))).data).toBeInstanceOf(Uint8Array)
  })

  it('accepts paths, URLs, Blobs, streams and buffers', async () => {
    const url = new URL('floats-f8.npy', fixtures)
    const bytes = bytesOf('floats-f8.npy')
    const wanted = await readNpy(bytes)
    const blob = new Blob([bytes])
    for (const source of [url, fileURLToPath(url), bytes.buffer, blob, blob.stream(), [bytes]]) {
      expect(await readNpy(source)).toEqual(wanted)
    }
  })

  it.each<[string, Uint8Array, string]>([
    ['nothing', new Uint8Array(0), 'does not begin'],
    ['text', text('1,2,3\n4,5,6'), 'does not begin'],
    ['objects', bytesOf('objects.npy'), "type '|O'"],
    ['records', bytesOf('records.npy'), 'records'],
    ['complex numbers', bytesOf('complex.npy'), "type '<c8'"],
    ['a version from the future', npy(header('<f4', '0,'), 0, 4), 'its version is 4.0'],
    ['a header without a shape', npy("{'descr': '<f4', 'fortran_order': False}\n"), 'damaged'],
    ['a header that is not a dictionary', npy('hello'), 'damaged'],
    ['a gigantic header', npy(' '.repeat(20_000)), 'a header of 20000 bytes'],
    ['too few numbers', npy(header('<f4', '3,'), 8), '12 bytes are needed where 8 are left'],
    ['too many numbers', npy(header('<f4', '3,'), 16), 'bytes after its array'],
    ['a gigantic array', npy(header('<f8', '1000000000, 1000000'), 8), 'truncated'],
    ['an impossible array', npy(header('<f8', '99999999999, 99999999999'), 8), 'shape is invalid'],
    ['strings of length 0', npy(header('<U0', '1000000000,')), "type '<U0'"],
    ['strings of gigantic length', npy(header('<U999999999', '3,')), 'truncated'],
    ['more dimensions than NumPy allows', npy(header('<f4', '1,'.repeat(40)), 4), 'shape is invalid'],
  ])('rejects %s', async (_, bytes, phrase) => {
    await expect(readNpy(bytes)).rejects.toEqual(refusal(phrase))
    await expect(collect(npyBatches(bytes))).rejects.toEqual(refusal(phrase))
  })

  it('rejects a file truncated anywhere', async () => {
    const bytes = bytesOf('floats-f4.npy')
    for (let length = 0; length < bytes.length; length++) {
      await expect(readNpy(bytes.subarray(0, length)), `${length}`).rejects.toMatchObject({
        code: 'DATA_UNREADABLE',
      })
    }
  })

  it('rejects invalid sources, missing files and aborted calls with the right code', async () => {
    await expect(readNpy(7 as never)).rejects.toEqual(refusal('source must be', 'INVALID_ARGUMENT'))
    await expect(readNpy(['text'] as never)).rejects.toEqual(refusal('Uint8Arrays', 'INVALID_ARGUMENT'))
    await expect(readNpy('no/such/file.npy')).rejects.toEqual(refusal('no/such/file.npy', 'FILE_UNREADABLE'))
    const signal = AbortSignal.abort()
    await expect(readNpy(bytesOf('single.npy'), { signal })).rejects.toEqual(refusal('', 'ABORTED'))
  })
})

describe('npyBatches', () => {
  const X = Matrix.from(Array.from({ length: 10 }, (_, i) => [i, i / 2, -i]))

  it('yields the same rows', async () => {
    for (const batchSize of [1, 3, 10, 99]) {
      const batches = await collect(npyBatches(smallPieces(writeNpy(X)), { batchSize }))
      expect(batches.length).toBe(Math.ceil(10 / batchSize))
      expect(batches.flatMap(({ data }) => [...data])).toEqual([...X.data])
      expect(new Set(batches.map(({ cols }) => cols))).toEqual(new Set([3]))
    }
    expect(await collect(npyBatches(writeNpy([1, 2, 3]), { batchSize: 2 }))).toEqual([
      new Matrix(Float32Array.of(1, 2), 2, 1),
      new Matrix(Float32Array.of(3), 1, 1),
    ])
  })

  it('releases the source when iteration stops early', async () => {
    let closed = false
    async function* source() {
      try {
        yield writeNpy(X)
        yield new Uint8Array(1)
      } finally {
        closed = true
      }
    }
    for await (const _ of npyBatches(source(), { batchSize: 1 })) break
    expect(closed).toBe(true)
  })

  it('rejects an array without rows', async () => {
    await expect(collect(npyBatches(bytesOf('fortran.npy')))).rejects.toEqual(refusal('Fortran order'))
    await expect(collect(npyBatches(bytesOf('fortran-cube.npy')))).rejects.toEqual(refusal('3 dimensions'))
    await expect(collect(npyBatches(bytesOf('texts.npy')))).rejects.toEqual(
      refusal('text', 'INVALID_ARGUMENT'),
    )
    await expect(collect(npyBatches(writeNpy(X), { batchSize: 0 }))).rejects.toEqual(
      refusal('batchSize', 'INVALID_ARGUMENT'),
    )
  })
})

describe('.npz', () => {
  for (const name of ['stored', 'packed']) {
    it(`reads what NumPy has ${name}`, async () => {
      for (const source of [bytesOf(`${name}.npz`), smallPieces(bytesOf(`${name}.npz`))]) {
        const arrays = await readNpz(source)
        const wanted: Record<string, Plain> = expected.npz[name]
        expect(Object.keys(arrays).sort()).toEqual(Object.keys(wanted).sort())
        for (const key of Object.keys(wanted)) expect(plain(arrays[key])).toEqual(wanted[key])
        expect(arrays.y.toLabels().slice(0, 3)).toEqual(['a', 'b', 'a'])
        expect(arrays.n.toLabels()).toEqual([0, 1, 2])
      }
      const X = (await readNpz(bytesOf(`${name}.npz`))).X.toMatrix()
      const batches = await collect(npzBatches(bytesOf(`${name}.npz`), 'X', { batchSize: 7 }))
      expect(batches.flatMap(({ data }) => [...data])).toEqual([...X.data])
      await expect(collect(npzBatches(bytesOf(`${name}.npz`), 'Z'))).rejects.toEqual(
        refusal("of an array in the file: X, y, n, but is 'Z'", 'INVALID_ARGUMENT'),
      )
    })

    it(`detects every altered or missing byte: ${name}`, async () => {
      const bytes = bytesOf(`${name}.npz`)
      const directory = Buffer.from(bytes).indexOf(Buffer.from([0x50, 0x4b, 1, 2]))
      for (let length = 0; length < directory; length += 5) {
        await expect(readNpz(bytes.subarray(0, length)), `${length}`).rejects.toMatchObject({
          code: 'DATA_UNREADABLE',
        })
      }
      const inX = 200
      bytes[inX] ^= 1
      await expect(readNpz(bytes)).rejects.toEqual(refusal('is damaged'))
    })
  }

  it('survives writing and reading, and is always written to the same bytes', async () => {
    const X = new Matrix(Float32Array.of(1, 2, 3, 4, 5, 6), 2, 3)
    const arrays = { X, y: ['Größe', '猫'], z: [1, 2, 3], w: [0.5], b: [true], e: Float64Array.of(1 / 3) }
    for (const compress of [false, true]) {
      const bytes = writeNpz(arrays, { compress })
      expect(writeNpz(arrays, { compress })).toEqual(bytes)
      const back = await readNpz(bytes)
      expect(back.X.toMatrix()).toEqual(X)
      expect(back.y.toLabels()).toEqual(arrays.y)
      expect(back.z.toLabels()).toEqual(arrays.z)
      expect(back.w.data).toEqual(Float64Array.of(0.5))
      expect(back.b.data).toEqual([true])
      expect(back.e.data).toEqual(arrays.e)
    }
  })

  it('accepts any member name', async () => {
    const arrays = await readNpz(
      zipSync({ '__proto__.npy': writeNpy([1]), 'constructor.npy': writeNpy([2]) }),
    )
    expect(Object.keys(arrays)).toEqual(['__proto__', 'constructor'])
  })

  it.each<[string, () => Uint8Array, string]>([
    ['nothing', () => new Uint8Array(0), "begin with 'PK'"],
    ['text', () => text('hello, world'), "begin with 'PK'"],
    ['a .npy file', () => writeNpy([1]), "begin with 'PK'"],
    ['a picture in it', () => zipSync({ 'a.png': Uint8Array.of(0x89, 0x50) }), '.npy file, but it does not'],
    ['a member twice', () => zipSync({ a: writeNpy([1]), 'a.npy': writeNpy([1]) }), "two arrays named 'a'"],
    ['encryption', () => flipped(6, 1), 'is encrypted'],
    ['a length behind the member', () => flipped(6, 8), 'data descriptor'],
    ['another method', () => flipped(8, 4), 'method 12'],
    ['a wrong length', () => flipped(22, 1), 'bytes long'],
    ['a gigantic length', () => flipped(25, 0x7f), 'bytes long'],
    ['a wrong checksum', () => flipped(14, 1), 'checksum'],
  ])('rejects %s', async (_, make, phrase) => {
    await expect(readNpz(make())).rejects.toEqual(refusal(phrase))
  })

  /** A valid archive with one byte changed. */
  function flipped(at: number, bits: number): Uint8Array {
    const bytes = zipSync({ 'a.npy': writeNpy(Array.from({ length: 99 }, (_, i) => i % 3)) })
    bytes[at] ^= bits
    return bytes
  }

  it('rejects what a zip archive cannot contain', () => {
    // Four gigabytes of zeros, for which the system allocates no pages.
    const huge = new Float32Array(2 ** 30)
    expect(() => writeNpz({ huge })).toThrow(expect.objectContaining({ code: 'OUT_OF_MEMORY' }))
    const halves = { one: huge.subarray(0, 2 ** 29), two: new NdArray(huge.subarray(2 ** 29), [2 ** 29]) }
    expect(() => writeNpz(halves)).toThrow('do not fit in one .npz file')
  })

  it('does not unpack more than the declared size of a member', async () => {
    const bomb = zipSync({ 'a.npy': new Uint8Array(2 ** 25) })
    bomb.fill(0, 22, 26)
    bomb[22] = 100
    await expect(readNpz(bomb)).rejects.toEqual(refusal(''))
  })
})

describe('NdArray', () => {
  it('validates its arguments', () => {
    expect(() => new NdArray(new Float32Array(5), [2, 3])).toThrow(refusal('6 elements', 'SHAPE_MISMATCH'))
    expect(() => new NdArray([], [-1])).toThrow(refusal('shape[0]', 'INVALID_ARGUMENT'))
    expect(() => NdArray.from([1, 'a'] as never)).toThrow(refusal('value[1]', 'INVALID_ARGUMENT'))
    expect(() => NdArray.from('abc' as never)).toThrow(refusal('value must be', 'INVALID_ARGUMENT'))
  })

  it('converts to rows and labels where possible', () => {
    expect(NdArray.from([1.5, 2]).toMatrix()).toEqual(new Matrix(Float32Array.of(1.5, 2), 2, 1))
    expect(() => NdArray.from(['a']).toMatrix()).toThrow(refusal('numbers', 'INVALID_ARGUMENT'))
    expect(() => new NdArray(new Int8Array(8), [2, 2, 2]).toMatrix()).toThrow(refusal('', 'SHAPE_MISMATCH'))
    expect(() => new NdArray(new Int8Array(4), [2, 2]).toLabels()).toThrow(refusal('', 'SHAPE_MISMATCH'))
    expect(() => NdArray.from(BigInt64Array.of(2n ** 60n)).toLabels()).toThrow(
      refusal('array[0]', 'INVALID_ARGUMENT'),
    )
  })
})

describe.runIf(hasPythonModule('numpy'))('NumPy reads what we write', () => {
  const folder = mkdtempSync(join(tmpdir(), 'softmargin-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  const arrays: Record<string, NdArrayLike> = {
    matrix: new Matrix(Float32Array.of(1.5, -0, 3, 1e-40, 5, 6), 2, 3),
    doubles: Float64Array.of(1 / 3, Number.NaN, Number.POSITIVE_INFINITY),
    integers: [1, -2, 3],
    bytes: Uint8Array.of(0, 255),
    truth: [true, false],
    texts: ['cat', 'Größe', '', '猫', '😀 smile'],
    cube: new NdArray(
      Int32Array.from({ length: 24 }, (_, i) => i),
      [2, 3, 4],
    ),
    none: new Float32Array(0),
    single: new NdArray(Float32Array.of(2.5), []),
  }
  const types = ['float32', 'float64', 'int64', 'uint8', 'bool', '<U7', 'int32', 'float32', 'float32']

  it('single arrays and archives', () => {
    for (const [name, value] of Object.entries(arrays))
      writeFileSync(join(folder, `${name}.npy`), writeNpy(value))
    writeFileSync(join(folder, 'stored.npz'), writeNpz(arrays))
    writeFileSync(join(folder, 'packed.npz'), writeNpz(arrays, { compress: true }))
    const program = `
import json, math, sys
import numpy as np
def plain(array):
    if array.dtype.kind == 'i' and array.dtype.itemsize == 8: values = [str(v) for v in array.ravel()]
    elif array.dtype.kind == 'f': values = [float(v) if math.isfinite(v) else str(float(v)) for v in array.ravel()]
    else: values = array.ravel().tolist()
    return {'shape': list(array.shape), 'values': values, 'type': str(array.dtype)}
names = sys.argv[2:]
stored, packed = np.load(sys.argv[1] + '/stored.npz'), np.load(sys.argv[1] + '/packed.npz')
print(json.dumps([[plain(np.load(f'{sys.argv[1]}/{name}.npy')), plain(stored[name]), plain(packed[name])] for name in names]))`
    const answer = execFileSync('/usr/bin/python3', ['-c', program, folder, ...Object.keys(arrays)], {
      encoding: 'utf8',
    })
    const wanted = Object.values(arrays).map((value, i) => {
      const one = { ...plain(NdArray.from(value)), type: types[i] }
      return [one, one, one]
    })
    expect(JSON.parse(answer)).toEqual(wanted)
  })
})

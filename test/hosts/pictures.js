/** A generated colour gradient of 40 x 32 pixels as a JPEG file. */
const jpeg = [
  '/9j/4AAQSkZJRgABAQAAAQABAAD/2wEEEAAbABsAGwAbABwAGwAeACEAIQAeACoALQAoAC0AKgA9ADgAMwAzADgAPQBdAEIARwBC',
  'AEcAQgBdAI0AWABnAFgAWABnAFgAjQB9AJcAewBzAHsAlwB9AOAAsACcAJwAsADgAQMA2QDOANkBAwE6ARkBGQE6AYsBdwGLAgQC',
  'BAK2EQAbABsAGwAbABwAGwAeACEAIQAeACoALQAoAC0AKgA9ADgAMwAzADgAPQBdAEIARwBCAEcAQgBdAI0AWABnAFgAWABnAFgA',
  'jQB9AJcAewBzAHsAlwB9AOAAsACcAJwAsADgAQMA2QDOANkBAwE6ARkBGQE6AYsBdwGLAgQCBAK2/8IAEQgAIAAoAwEiAAIRAQMR',
  'Af/EAC0AAQEBAQAAAAAAAAAAAAAAAAMEAAUBAAMBAQAAAAAAAAAAAAAAAAEDBAAG/9oADAMBAAIQAxAAAADgI6pAJQutn1uFk6sy',
  'OVFXamwNbn1//8QAFxAAAwEAAAAAAAAAAAAAAAAAAAIDAf/aAAgBAQABPwDEMQyZkzJmIYhkzJmTFQVBZizFmKgqCzFmLM//xAAa',
  'EQACAwEBAAAAAAAAAAAAAAAAAgEREiEx/9oACAECAQE/ANWemBGsTpCwf//EABcRAQEBAQAAAAAAAAAAAAAAAAMAAiH/2gAIAQMB',
  'AT8ANY1stywthbK8v//Z',
].join('')

/**
 * Pictures of three kinds (horizontal stripes, vertical stripes, checks) as JPEG, PNG and pixels, with their labels.
 */
export function pictures(count) {
  const labels = Array.from({ length: count }, (_, i) => ['across', 'checks', 'down'][i % 3])
  const images = labels.map((label, i) => {
    const image = drawn(label, i)
    return i % 2 === 0 ? image : png(image)
  })
  images[0] = Uint8Array.from(atob(jpeg), (letter) => letter.charCodeAt(0))
  return { images, labels }
}

function drawn(label, seed) {
  const width = 30 + (seed % 5)
  const height = 36 - (seed % 4)
  const data = new Uint8Array(width * height * 3)
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const isLight =
        label === 'across' ? y % 8 < 4 : label === 'down' ? x % 8 < 4 : (x >> 2) % 2 === (y >> 2) % 2
      for (let c = 0; c < 3; c++, at++)
        data[at] = (isLight ? 200 : 40) + ((x * 7 + y * 13 + c * 31 * seed) & 31)
    }
  }
  return { data, width, height, channels: 3 }
}

/** Encodes a PNG file without compression. */
function png({ data, width, height }) {
  const rows = new Uint8Array(height * (1 + width * 3))
  for (let y = 0; y < height; y++)
    rows.set(data.subarray(y * width * 3, (y + 1) * width * 3), y * (1 + width * 3) + 1)
  const { length } = rows
  const stored = [0x78, 1, 1, length & 255, length >> 8, ~length & 255, (~length >> 8) & 255, ...rows]
  const header = [...word(width), ...word(height), 8, 2, 0, 0, 0]
  const parts = [chunk('IHDR', header), chunk('IDAT', [...stored, ...word(adler32(rows))]), chunk('IEND', [])]
  return Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, ...parts.flat()])
}

function chunk(name, bytes) {
  const body = [...Array.from(name, (letter) => letter.charCodeAt(0)), ...bytes]
  return [...word(bytes.length), ...body, ...word(crc32(body))]
}

function word(value) {
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]
}

function adler32(bytes) {
  let low = 1
  let high = 0
  for (const byte of bytes) {
    low = (low + byte) % 65521
    high = (high + low) % 65521
  }
  return high * 65536 + low
}

function crc32(bytes) {
  let crc = ~0
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
  }
  return ~crc >>> 0
}

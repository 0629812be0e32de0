// node bench/explain.js FOLDER [--pictures=50] [--json=FILE]
//
// Measures how well explanations tell what a classifier looks at. FOLDER contains <class>/*.jpg. A classifier is trained
// on 100 pictures of each class, with the defaults and with `scale: 'none'`, and explains other pictures with both
// methods. For each of the two scalings and methods:
//
// - agreement: the mean rank correlation (Spearman) of the map with the fall of the score when a window of a quarter of
//   either side is hidden by the mean colour of the picture, on a grid of 8 x 8 places; and between the two methods;
// - deletion: the mean score while the most important of 64 cells are blurred one after the other, up to three quarters
//   of the picture, as a share of the score of the whole picture (lower is better); for comparison in random order;
// - pointing: four pictures of different classes are joined to one, and each of the four classes is explained; the share
//   of the positive part of the map that is on the picture of that class (0.25 would be chance).
import { decodeImage, ImageClassifier } from '../dist/lib/index.js'
import { commandLine, writeJson } from './command-line.js'
import { picturesIn } from './pictures.js'
import { permutation } from './random.js'

const { folder, flags } = commandLine('explain.js FOLDER [--pictures=50] [--json=FILE]', {
  pictures: 50,
  json: undefined,
})
const EACH = 100
const CELLS = 8
const { pictures, labels, classes } = picturesIn(folder)
const order = Array.from(permutation(pictures.length, 0))
const counts = new Array(classes).fill(0)
const train = order.filter((i) => counts[labels[i]]++ < EACH)
const known = new Set(train)
const others = order.filter((i) => !known.has(i))

const mean = (numbers) => numbers.reduce((sum, x) => sum + x, 0) / numbers.length

function ranks(values) {
  const sorted = [...values.keys()].sort((a, b) => values[a] - values[b])
  const all = new Float64Array(values.length)
  for (let from = 0, to = 0; from < sorted.length; from = to) {
    while (to < sorted.length && values[sorted[to]] === values[sorted[from]]) to++
    for (let k = from; k < to; k++) all[sorted[k]] = (from + to - 1) / 2
  }
  return all
}

function correlation(a, b) {
  const [ma, mb] = [mean(a), mean(b)]
  let [ab, aa, bb] = [0, 0, 0]
  for (let i = 0; i < a.length; i++) {
    ab += (a[i] - ma) * (b[i] - mb)
    aa += (a[i] - ma) ** 2
    bb += (b[i] - mb) ** 2
  }
  return aa > 0 && bb > 0 ? ab / Math.sqrt(aa * bb) : 0
}

/** The mean of a map in each of `CELLS` x `CELLS` cells. */
function cellsOf({ data, rows, cols }) {
  const sums = new Float64Array(CELLS * CELLS)
  for (let i = 0; i < data.length; i++) {
    const [y, x] = [Math.floor(i / cols), i % cols]
    sums[Math.floor((y * CELLS) / rows) * CELLS + Math.floor((x * CELLS) / cols)] += data[i]
  }
  return sums
}

const copyOf = ({ data, width, height }) => ({ data: data.slice(), width, height, channels: 4 })

/** Writes a rectangle of another picture, or of one colour, into a picture. */
function paint(picture, [left, top, right, bottom], source) {
  for (let y = Math.max(0, top); y < Math.min(picture.height, bottom); y++) {
    for (let x = Math.max(0, left); x < Math.min(picture.width, right); x++) {
      const at = (y * picture.width + x) * 4
      for (let c = 0; c < 4; c++) picture.data[at + c] = source.data ? source.data[at + c] : source[c]
    }
  }
}

function meanColour({ data }) {
  return [0, 1, 2, 3].map((c) => Math.round(mean(data.filter((_, i) => i % 4 === c))))
}

/** Each pixel is the mean of those within a fifth of the side. */
function blurred(picture) {
  const { data, width, height } = picture
  const reach = Math.round(width / 5)
  const made = copyOf(picture)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const sums = [0, 0, 0, 0]
      let count = 0
      for (let j = Math.max(0, y - reach); j <= Math.min(height - 1, y + reach); j++) {
        for (let i = Math.max(0, x - reach); i <= Math.min(width - 1, x + reach); i++, count++) {
          for (let c = 0; c < 4; c++) sums[c] += data[(j * width + i) * 4 + c]
        }
      }
      for (let c = 0; c < 4; c++) made.data[(y * width + x) * 4 + c] = sums[c] / count
    }
  }
  return made
}

/** A cell, with a margin on each side, as left, top, right and bottom. */
function cell({ width, height }, i, margin) {
  const [x, y] = [i % CELLS, Math.floor(i / CELLS)]
  const [w, h] = [width / CELLS, height / CELLS]
  return [(x - margin) * w, (y - margin) * h, (x + 1 + margin) * w, (y + 1 + margin) * h].map(Math.round)
}

/** The mean decision value of a class against each of the others, as `Explanation.score`. */
async function scoresOf(classifier, images, label) {
  const decisions = await classifier.decisionFunction(images, { shape: 'ovo' })
  const wanted = classifier.classes.indexOf(label)
  return images.map((_, row) => {
    let [sum, column] = [0, 0]
    for (let a = 0; a < classes; a++) {
      for (let b = a + 1; b < classes; b++, column++) {
        sum += decisions.row(row)[column] * (Number(a === wanted) - Number(b === wanted))
      }
    }
    return sum / (classes - 1)
  })
}

async function deletion(classifier, picture, blur, sorted, { label, score }) {
  const states = []
  const changing = copyOf(picture)
  for (const [done, i] of sorted.slice(0, (3 * CELLS * CELLS) / 4).entries()) {
    paint(changing, cell(picture, i, 0), blur)
    if (done % 4 === 3) states.push(copyOf(changing))
  }
  return mean(await scoresOf(classifier, states, label)) / score
}

async function measure(classifier, methods) {
  const results = Object.fromEntries(methods.map((method) => [method, { agreement: [], deletion: [] }]))
  const random = []
  const between = []
  for (const [k, i] of others.slice(0, flags.pictures).entries()) {
    const picture = await decodeImage(pictures[i])
    const colour = meanColour(picture)
    const hidden = Array.from({ length: CELLS * CELLS }, (_, at) => {
      const copy = copyOf(picture)
      paint(copy, cell(picture, at, 0.5), colour)
      return copy
    })
    const blur = blurred(picture)
    let drops
    const maps = []
    for (const method of methods) {
      const explanation = await classifier.explain(picture, { method })
      drops ??= (await scoresOf(classifier, hidden, explanation.label)).map(
        (left) => explanation.score - left,
      )
      const map = cellsOf(explanation.map)
      maps.push(ranks(map))
      results[method].agreement.push(correlation(ranks(map), ranks(drops)))
      const sorted = [...map.keys()].sort((a, b) => map[b] - map[a])
      results[method].deletion.push(await deletion(classifier, picture, blur, sorted, explanation))
      if (method !== methods[0]) continue
      const shuffled = Array.from(permutation(CELLS * CELLS, k))
      random.push(await deletion(classifier, picture, blur, shuffled, explanation))
    }
    between.push(correlation(...maps))
  }
  return { results, random: mean(random), between: mean(between) }
}

/** Four pictures of the same size, joined to one of twice the size. */
function joined(parts) {
  const side = parts[0].width
  const data = new Uint8Array(16 * side * side)
  for (const [quarter, part] of parts.entries()) {
    for (let y = 0; y < side; y++) {
      const to = ((quarter >> 1) * side + y) * 2 * side + (quarter & 1) * side
      data.set(part.data.subarray(y * side * 4, (y + 1) * side * 4), to * 4)
    }
  }
  return { data, width: 2 * side, height: 2 * side, channels: 4 }
}

/** Pictures of four classes, joined. */
async function mosaics(count) {
  const byClass = Array.from({ length: classes }, (_, c) => others.filter((i) => labels[i] === c))
  return Promise.all(
    Array.from({ length: count }, async (_, k) => {
      const four = Array.from(permutation(classes, 1000 + k)).slice(0, 4)
      const parts = await Promise.all(four.map((c) => decodeImage(pictures[byClass[c][k]])))
      return { image: joined(parts), four }
    }),
  )
}

/** The share of the positive part of a map that is in one quarter of it. */
function shareWithin({ data, rows, cols }, quarter) {
  let [inside, all] = [0, 0]
  for (let i = 0; i < data.length; i++) {
    const own = 2 * Number(Math.floor(i / cols) >= rows / 2) + Number(i % cols >= cols / 2)
    all += Math.max(0, data[i])
    if (own === quarter) inside += Math.max(0, data[i])
  }
  return all > 0 ? inside / all : 0.25
}

/** @param large a classifier like the one that was trained, whose network sees pictures of twice the size */
async function pointing(large, methods) {
  const shares = Object.fromEntries(methods.map((method) => [method, []]))
  for (const { image, four } of await mosaics(Math.ceil(flags.pictures / 4))) {
    for (const [quarter, label] of four.entries()) {
      for (const method of methods) {
        const { map } = await large.explain(image, { method, label: String(label) })
        shares[method].push(shareWithin(map, quarter))
      }
    }
  }
  return shares
}

const side = (await decodeImage(pictures[0])).width
const methods = ['layer', 'occlusion']
const rows = []
for (const scale of ['standard', 'none']) {
  const images = train.map((i) => pictures[i])
  const names = train.map((i) => String(labels[i]))
  const classifier = await ImageClassifier.create({ scale })
  await classifier.fit(images, names)
  const { results, random, between } = await measure(classifier, methods)
  // The SVM for joined pictures learns from each picture joined to itself.
  const large = await ImageClassifier.create({ scale, extractor: { preprocess: { size: 2 * side } } })
  await large.fit(
    await Promise.all(images.map((path) => decodeImage(path).then((one) => joined([one, one, one, one])))),
    names,
  )
  const shares = await pointing(large, methods)
  for (const method of methods) {
    const { agreement, deletion: left } = results[method]
    rows.push({
      ...{ scale, method, pictures: agreement.length, between, agreement: mean(agreement) },
      ...{ deletion: mean(left), random, pointing: mean(shares[method]) },
    })
    console.log(JSON.stringify(rows.at(-1)))
  }
  for (const one of [classifier, large]) one.dispose()
}
writeJson(rows, flags.json)

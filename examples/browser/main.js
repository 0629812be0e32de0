// Trains an SVM to separate a ring of points from the points inside it, and colours each pixel by its predicted class.
import { Matrix, SVC } from 'softmargin/svm'

const points = Array.from({ length: 120 }, (_, i) => {
  const radius = i % 2 === 0 ? 30 : 70
  return [100 + radius * Math.cos(i), 100 + radius * Math.sin(i)]
})
const labels = points.map((_, i) => (i % 2 === 0 ? 'within' : 'ring'))
const svc = await new SVC({ C: 10 }).fit(points, labels)

const pixels = Matrix.from(Array.from({ length: 200 * 200 }, (_, i) => [i % 200, Math.floor(i / 200)]))
const predicted = await svc.predict(pixels)
const context = document.querySelector('canvas').getContext('2d')
predicted.forEach((label, i) => {
  context.fillStyle = label === 'ring' ? 'coral' : 'teal'
  context.fillRect(...pixels.row(i), 1, 1)
})
document.querySelector('#outcome').textContent = `accuracy ${await svc.score(points, labels)}`

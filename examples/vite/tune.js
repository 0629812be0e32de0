// Trains the CNN too, in a worker, and draws over the first picture which of its parts make the decision.
import { spawn } from 'softmargin/worker'

const remote = await spawn()
const classifier = await remote.ImageClassifier.create({
  fineTune: { from: 'stage3', epochs: 2, validation: 0 },
})
const [input, bar, button, outcome, canvas] = ['input', 'progress', 'button', '#outcome', 'canvas'].map(
  (name) => document.querySelector(name),
)

input.onchange = async () => {
  const controller = new AbortController()
  button.onclick = () => controller.abort()
  const pictures = [...input.files]
  const labels = pictures.map(({ name }) => name.split('-')[0])
  const onProgress = ({ done, total }) => Object.assign(bar, { max: total, value: done })
  try {
    await classifier.fit(pictures, labels, { signal: controller.signal, onProgress })
    const { label, pixels } = await classifier.explain(pictures[0])
    Object.assign(canvas, { width: pixels.width, height: pixels.height })
    canvas.getContext('2d').putImageData(new ImageData(pixels.data, pixels.width), 0, 0)
    outcome.textContent = `${pictures[0].name}: ${label}`
  } catch (error) {
    outcome.textContent = error.message
  }
}

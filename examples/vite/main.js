// Trains on the chosen pictures in a worker, with a progress bar and a button that cancels.
import { spawn } from 'softmargin/worker'

const remote = await spawn()
const classifier = await remote.ImageClassifier.create()
const [input, bar, button, outcome] = ['input', 'progress', 'button', '#outcome'].map((name) =>
  document.querySelector(name),
)

input.onchange = async () => {
  const controller = new AbortController()
  button.onclick = () => controller.abort()
  const pictures = [...input.files]
  const labels = pictures.map(({ name }) => name.split('-')[0])
  const onProgress = ({ done, total }) => Object.assign(bar, { max: total, value: done })
  try {
    await classifier.fit(pictures, labels, { signal: controller.signal, onProgress })
    const { accuracy } = await classifier.evaluate(pictures, labels)
    outcome.textContent = `learnt ${accuracy * 100} % of ${pictures.length} pictures`
  } catch (error) {
    outcome.textContent = error.message
  }
}

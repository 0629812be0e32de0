import { stat } from 'node:fs/promises'
import type { Command } from 'commander'
import { ImageClassifier } from '../classifier.ts'
import { listPictures } from './folder.ts'
import { SkippedPictures } from './skipped.ts'
import { answer, ProgressBar } from './terminal.ts'

/** Adds the command `predict`: a saved classifier names what is on pictures. */
export function addPredict(program: Command, signal: AbortSignal): void {
  program
    .command('predict')
    .description('name what is on pictures')
    .argument('<file>', 'the .onnx file that train wrote')
    .argument('<images...>', 'PNG and JPEG files, or folders of them')
    .option('--json', 'print one JSON document instead of text')
    .addHelpText('after', '\nExample:\n  softmargin predict photos.onnx cat.jpg dog.png')
    .action((file: string, images: string[], options: { json?: boolean }) =>
      predict(file, images, options.json === true, signal),
    )
}

async function predict(file: string, images: string[], json: boolean, signal: AbortSignal): Promise<void> {
  const paths = (await Promise.all(images.map(expand))).flat()
  const skipped = new SkippedPictures()
  const bar = new ProgressBar()
  try {
    using classifier = await ImageClassifier.load(file)
    const labels = await classifier.predict(paths, {
      signal,
      onProgress: bar.update,
      onUnreadable: skipped.for(paths),
    })
    bar.stop()
    const predictions = paths
      .map((image, i) => ({ image, label: labels[i] }))
      .filter(({ label }) => label !== null)
    answer(json, { file, predictions, skipped: skipped.list }, () =>
      predictions.map(({ image, label }) => `${image}\t${label}\n`).join(''),
    )
    skipped.conclude(paths.length)
  } finally {
    bar.stop()
  }
}

/** A folder becomes the pictures in it; a file stays what it is, whatever its name ends in. */
async function expand(path: string): Promise<string[]> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
  return isFolder ? (await listPictures(path)).pictures : [path]
}

import { stat } from 'node:fs/promises'
import type { Command } from 'commander'
import { ImageClassifier, type ImagesCall } from '../../classifier/image-classifier.ts'
import { SoftmarginError, show } from '../../core/errors.ts'
import type { Label } from '../../core/labels.ts'
import { formatsOf, hint, listPictures } from '../../host/folders/labelled-folder.ts'
import { endings } from '../../host/folders/picture-names.ts'
import { addRuntime, type RuntimeOption, runtimeOf } from '../common/runtime-option.ts'
import { SkippedPictures } from '../common/skipped.ts'
import { answer, progress } from '../common/terminal.ts'

/** Adds the command `predict`: predicts the classes of images with a saved classifier. */
export function addPredict(program: Command, signal: AbortSignal): void {
  const command = program
    .command('predict')
    .description('predict the classes of pictures')
    .argument('<file>', 'the .onnx file that train wrote')
    .argument('<images...>', 'pictures, or folders of them')
  addRuntime(command)
    .option('--json', 'print one JSON document instead of text')
    .addHelpText('after', '\nExample:\n  softmargin predict photos.onnx cat.jpg dog.png')
    .action((file: string, images: string[], options: RuntimeOption & { json?: boolean }) =>
      predict(file, images, options, signal),
    )
}

async function predict(
  file: string,
  images: string[],
  options: RuntimeOption & { json?: boolean },
  signal: AbortSignal,
): Promise<void> {
  const json = options.json === true
  const paths = (await Promise.all(images.map(expand))).flat()
  const skipped = new SkippedPictures()
  try {
    using classifier = await ImageClassifier.load(file, await runtimeOf(options))
    const predictions = await predictionsOf(classifier, paths, {
      signal,
      onProgress: progress.update,
      onUnreadable: skipped.for(paths),
    })
    progress.stop()
    answer(json, { file, predictions, skipped: skipped.list }, () =>
      predictions
        .map(({ image, label, probability }) =>
          [image, label, ...(probability === undefined ? [] : [probability.toFixed(3)])].join('\t'),
        )
        .map((line) => `${line}\n`)
        .join(''),
    )
    skipped.conclude(paths.length)
  } finally {
    progress.stop()
  }
}

interface Prediction {
  image: string
  label: Label
  /** The probability of that label; only if the classifier has probabilities. */
  probability?: number
  /** The probability of each class, by its name. */
  probabilities?: Record<string, number>
}

/** Predicts the images that can be read. */
async function predictionsOf(
  classifier: ImageClassifier,
  paths: string[],
  call: ImagesCall & Required<Pick<ImagesCall, 'onUnreadable'>>,
): Promise<Prediction[]> {
  if (!classifier.hasProbabilities) {
    const labels = await classifier.predict(paths, call)
    return paths.flatMap((image, i) => (labels[i] === null ? [] : { image, label: labels[i] }))
  }
  const { labels, probabilities } = await classifier.predictWithProba(paths, call)
  const { classes } = classifier
  return paths.flatMap((image, i) => {
    const label = labels[i]
    if (label === null) return []
    const row = probabilities.row(i)
    return {
      image,
      label,
      probability: row[classes.indexOf(label)],
      probabilities: Object.fromEntries(classes.map((name, c) => [name, row[c]])),
    }
  })
}

/** Replaces a folder by the images in it; a file is kept whatever its extension. */
async function expand(path: string): Promise<string[]> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
  if (!isFolder) return [path]
  const { pictures, others } = await listPictures(path)
  if (pictures.length > 0) return pictures
  const formats = await formatsOf(others)
  const why =
    formats.length > 0 ? `but contains ${formats.join(', ')}, ${hint(formats)}` : 'but contains none'
  const expected = `at least one file that ends in ${endings}`
  const message = `the folder ${show(path)} must contain ${expected}, ${why}`
  throw new SoftmarginError('EMPTY_INPUT', message, { argument: 'images', received: path, expected })
}

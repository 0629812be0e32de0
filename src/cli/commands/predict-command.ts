import { stat } from 'node:fs/promises'
import type { Command } from 'commander'
import { ImageClassifier, type ImagesCall } from '../../classifier/image-classifier.ts'
import { noteUnreadable } from '../../cnn/extractor/unreadable-images.ts'
import { invalidArgument, SoftmarginError, show } from '../../core/errors.ts'
import type { Label } from '../../core/labels.ts'
import { formatsOf, hint, listPictures } from '../../host/folders/labelled-folder.ts'
import { endings } from '../../host/folders/picture-names.ts'
import { parsePositiveCount } from '../common/parse-options.ts'
import { addRuntime, type RuntimeOption, runtimeOf } from '../common/runtime-option.ts'
import { SkippedPictures } from '../common/skipped.ts'
import { printResult, progress } from '../common/terminal.ts'

/** Adds the command `predict`: predicts the classes of images with a saved classifier. */
export function addPredict(program: Command, signal: AbortSignal): void {
  const command = program
    .command('predict')
    .description('predict the classes of pictures')
    .argument('<file>', 'the .onnx file that train wrote')
    .argument('<images...>', 'pictures, or folders of them')
  addRuntime(command)
    .option(
      '--top <count>',
      'print the most probable classes of each picture with their probabilities, best first',
      parsePositiveCount,
    )
    .option('--json', 'print one JSON document instead of text')
    .addHelpText('after', '\nExample:\n  softmargin predict photos.onnx cat.jpg dog.png')
    .action((file: string, images: string[], options: PredictOptions) =>
      predict(file, images, options, signal),
    )
}

interface PredictOptions extends RuntimeOption {
  top?: number
  json?: boolean
}

async function predict(
  file: string,
  images: string[],
  options: PredictOptions,
  signal: AbortSignal,
): Promise<void> {
  const json = options.json === true
  const paths = (await Promise.all(images.map(expand))).flat()
  const skipped = new SkippedPictures()
  try {
    using classifier = await ImageClassifier.load(file, await runtimeOf(options))
    if (options.top !== undefined && !classifier.hasProbabilities) {
      const expected = 'left out: the classifier has no probabilities; train it with --probability'
      throw invalidArgument('--top', options.top, expected)
    }
    const predictions = await predictionsOf(classifier, paths, {
      signal,
      onProgress: progress.update,
      onUnreadable: skipped.for(paths),
    })
    progress.stop()
    printResult(json, { file, predictions, skipped: skipped.list }, () =>
      predictions
        .map(({ image, label, probability, probabilities }) =>
          [
            image,
            ...(options.top === undefined || label === null
              ? [label ?? 'none of these', ...(probability === undefined ? [] : [probability.toFixed(3)])]
              : mostProbable(probabilities ?? {}, options.top)),
          ].join('\t'),
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
  /** Null for an image of none of the classes, unless the classifier has a label for these. */
  label: Label | null
  /** The probability of that label; only if the classifier has probabilities, and for one of its classes. */
  probability?: number
  /** The probability of each class, by its name. */
  probabilities?: Record<string, number>
}

/** The most probable classes and their probabilities in turn, best first. */
function mostProbable(probabilities: Record<string, number>, top: number): string[] {
  return Object.entries(probabilities)
    .sort(([, a], [, b]) => b - a)
    .slice(0, top)
    .flatMap(([name, probability]) => [name, probability.toFixed(3)])
}

/** Predicts the images that can be read. */
async function predictionsOf(
  classifier: ImageClassifier,
  paths: string[],
  call: ImagesCall & Required<Pick<ImagesCall, 'onUnreadable'>>,
): Promise<Prediction[]> {
  const noted = noteUnreadable(call.onUnreadable)
  const noting = { ...call, onUnreadable: noted.onUnreadable }
  const readable = () => noted.readable(paths)
  if (!classifier.hasProbabilities) {
    const labels = await classifier.predict(paths, noting)
    return readable().map((i) => ({ image: paths[i], label: labels[i] }))
  }
  const { labels, probabilities } = await classifier.predictWithProba(paths, noting)
  const { classes } = classifier
  return readable().map((i) => {
    const row = probabilities.row(i)
    const classIndex = classes.indexOf(labels[i] as Label)
    return {
      image: paths[i],
      label: labels[i],
      ...(classIndex < 0 ? {} : { probability: row[classIndex] }),
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

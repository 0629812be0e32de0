import type { Command } from 'commander'
import { ImageClassifier } from '../../classifier/image-classifier.ts'
import { listAny } from '../common/labelled.ts'
import { parsePositiveCount } from '../common/parse-options.ts'
import { addRuntime, type RuntimeOption, runtimeOf } from '../common/runtime-option.ts'
import { SkippedPictures, tellWhatIsLeftOut } from '../common/skipped.ts'
import { printResult, progress } from '../common/terminal.ts'

interface NextOptions extends RuntimeOption {
  count: number
  json?: boolean
}

/** Adds the command `next`: chooses the images that are most worth a label. */
export function addNext(program: Command, signal: AbortSignal): void {
  const command = program
    .command('next')
    .description('choose the pictures that a classifier would learn most from, for you to label')
    .argument('<file>', 'the .onnx file that train wrote')
    .argument('<pictures>', 'folder of pictures')
  addRuntime(command)
    .option('-n, --count <number>', 'how many to choose', parsePositiveCount, 20)
    .option('--json', 'print one JSON document instead of text')
    .addHelpText('after', '\nExample:\n  softmargin next photos.onnx unsorted -n 50')
    .action((file: string, pictures: string, options: NextOptions) => next(file, pictures, options, signal))
}

async function next(
  file: string,
  pictures: string,
  options: NextOptions,
  signal: AbortSignal,
): Promise<void> {
  const listed = await listAny(pictures)
  await tellWhatIsLeftOut(listed)
  const { paths } = listed
  const skipped = new SkippedPictures()
  try {
    using classifier = await ImageClassifier.load(file, await runtimeOf(options))
    const chosen = await classifier.nextToLabel(paths, options.count, {
      signal,
      onProgress: progress.update,
      onUnreadable: skipped.for(paths),
    })
    progress.stop()
    skipped.conclude(paths.length)
    const list = chosen.map(({ index, ...rest }) => ({ image: paths[index], ...rest }))
    printResult(options.json === true, { file, next: list, skipped: skipped.list }, () =>
      list
        .map(({ image, label, uncertainty }) => `${[image, label, uncertainty.toFixed(3)].join('\t')}\n`)
        .join(''),
    )
  } finally {
    progress.stop()
  }
}

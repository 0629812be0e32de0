import type { Command } from 'commander'
import { ImageClassifier } from '../classifier.ts'
import { evaluationDocument, evaluationText } from './evaluation.ts'
import { labelledHelp, listLabelled } from './labelled.ts'
import { SkippedPictures, tellWhatIsLeftOut } from './skipped.ts'
import { answer, ProgressBar } from './terminal.ts'

/** Adds the command `evaluate`: a saved classifier is judged on pictures whose classes are known. */
export function addEvaluate(program: Command, signal: AbortSignal): void {
  program
    .command('evaluate')
    .description('judge a saved classifier on pictures whose classes are known')
    .argument('<file>', 'the .onnx file that train wrote')
    .argument('<pictures>', labelledHelp)
    .option('--json', 'print one JSON document instead of text')
    .addHelpText('after', '\nExample:\n  softmargin evaluate photos.onnx more-photos')
    .action((file: string, pictures: string, options: { json?: boolean }) =>
      evaluate(file, pictures, options.json === true, signal),
    )
}

async function evaluate(file: string, pictures: string, json: boolean, signal: AbortSignal): Promise<void> {
  const listed = await listLabelled(pictures)
  tellWhatIsLeftOut(listed)
  const { paths, labels } = listed
  const skipped = new SkippedPictures()
  const bar = new ProgressBar()
  try {
    using classifier = await ImageClassifier.load(file)
    const evaluation = await classifier.evaluate(paths, labels, {
      signal,
      onProgress: bar.update,
      onUnreadable: skipped.for(paths),
    })
    bar.stop()
    skipped.conclude(paths.length)
    answer(
      json,
      { file, ...evaluationDocument(evaluation), skipped: skipped.list },
      () =>
        `${evaluationText(evaluation)}\naccuracy ${evaluation.accuracy.toFixed(3)} on ${evaluation.images} images\n`,
    )
  } finally {
    bar.stop()
  }
}

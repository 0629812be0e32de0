import type { Command } from 'commander'
import { ImageClassifier } from '../../classifier/image-classifier.ts'
import { SoftmarginError, show } from '../../core/errors.ts'
import type { Label } from '../../core/labels.ts'
import { evaluationDocument, evaluationText } from '../common/evaluation.ts'
import { labelledHelp, listLabelled } from '../common/labelled.ts'
import { addRuntime, type RuntimeOption, runtimeOf } from '../common/runtime-option.ts'
import { SkippedPictures, tellWhatIsLeftOut } from '../common/skipped.ts'
import { printResult, progress, say } from '../common/terminal.ts'

/** Adds the command `evaluate`: evaluates a saved classifier on images whose classes are known. */
export function addEvaluate(program: Command, signal: AbortSignal): void {
  const command = program
    .command('evaluate')
    .description('evaluate a saved classifier on pictures whose classes are known')
    .argument('<file>', 'the .onnx file that train wrote')
    .argument('<pictures>', labelledHelp)
  addRuntime(command)
    .option('--json', 'print one JSON document instead of text')
    .addHelpText('after', '\nExample:\n  softmargin evaluate photos.onnx more-photos')
    .action((file: string, pictures: string, options: RuntimeOption & { json?: boolean }) =>
      evaluate(file, pictures, options, signal),
    )
}

async function evaluate(
  file: string,
  pictures: string,
  options: RuntimeOption & { json?: boolean },
  signal: AbortSignal,
): Promise<void> {
  const json = options.json === true
  const listed = await listLabelled(pictures)
  await tellWhatIsLeftOut(listed)
  const { paths, labels } = listed
  const skipped = new SkippedPictures()
  try {
    using classifier = await ImageClassifier.load(file, await runtimeOf(options))
    const evaluation = await classifier.evaluate(paths, asClasses(labels, classifier.classes), {
      signal,
      onProgress: progress.update,
      onUnreadable: skipped.for(paths),
    })
    progress.stop()
    skipped.conclude(paths.length)
    for (const label of evaluation.missingClasses) {
      say(`class ${show(label)} has no image here, so that the report cannot evaluate it`)
    }
    printResult(
      json,
      { file, ...evaluationDocument(evaluation), skipped: skipped.list },
      () =>
        `${evaluationText(evaluation)}\naccuracy ${evaluation.accuracy.toFixed(3)} on ${evaluation.images} images\n`,
    )
  } finally {
    progress.stop()
  }
}

/**
 * Converts folder names to labels of the classifier's type: numbers if its classes are numbers. Names that are not
 * classes are reported; if none is a class, there is nothing to evaluate.
 *
 * @throws {SoftmarginError} `INVALID_ARGUMENT`
 */
function asClasses(names: readonly string[], classes: readonly Label[]): Label[] {
  const byName = new Map(classes.map((label) => [String(label), label]))
  const unknown = [...new Set(names)].filter((name) => !byName.has(name))
  const known = `among the classifier's: ${classes.slice(0, 10).map(String).join(', ')}${classes.length > 10 ? ', ...' : ''}`
  const isNumeric = typeof classes[0] === 'number'
  const noNumber = isNumeric && unknown.some((name) => name === '' || !Number.isFinite(Number(name)))
  if (noNumber || unknown.length === new Set(names).size) {
    const message = `the classes of the pictures must be ${known}; they are ${unknown.slice(0, 10).map(show).join(', ')}`
    throw new SoftmarginError('INVALID_ARGUMENT', message, { argument: 'pictures', expected: known })
  }
  for (const name of unknown) say(`class ${show(name)} is not ${known}`)
  return names.map((name) => byName.get(name) ?? (isNumeric ? Number(name) : name))
}

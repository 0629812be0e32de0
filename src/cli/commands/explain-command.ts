import { type Command, Option } from 'commander'
import type { ExplainMethod } from '../../classifier/explain/explain.ts'
import { ImageClassifier } from '../../classifier/image-classifier.ts'
import { writeFileAtomically } from '../../host/storage/write-file.ts'
import { encodePng } from '../../image/png/encode-png.ts'
import { checkWritable } from '../common/check-writable.ts'
import { addRuntime, type RuntimeOption, runtimeOf } from '../common/runtime-option.ts'
import { printResult, progress } from '../common/terminal.ts'

interface ExplainCommandOptions extends RuntimeOption {
  output: string
  label?: string
  method?: ExplainMethod
  json?: boolean
}

/** Adds the command `explain`: draws which parts of a picture made a classifier find a class. */
export function addExplain(program: Command, signal: AbortSignal): void {
  const command = program
    .command('explain')
    .description('draw which parts of a picture made the decision: red for the class, blue against it')
    .argument('<file>', 'the .onnx file that train wrote')
    .argument('<picture>', 'the picture to explain')
    .requiredOption('-o, --output <file>', 'the .png file to write')
  addRuntime(command)
    .option('--label <class>', 'the class to explain (default: the one that the classifier finds)')
    .addOption(
      new Option(
        '--method <method>',
        'leave windows out of the last maps, which is fast, or of the picture (default: layer where it is possible)',
      ).choices(['layer', 'occlusion']),
    )
    .option('--json', 'print one JSON document instead of text')
    .addHelpText('after', '\nExample:\n  softmargin explain photos.onnx cat.jpg -o cat-why.png')
    .action((file: string, picture: string, options: ExplainCommandOptions) =>
      explain(file, picture, options, signal),
    )
}

async function explain(
  file: string,
  picture: string,
  options: ExplainCommandOptions,
  signal: AbortSignal,
): Promise<void> {
  const { output, method } = options
  await checkWritable(output)
  try {
    using classifier = await ImageClassifier.load(file, await runtimeOf(options))
    // On the command line the classes 7 and '7' are written alike.
    const wanted = classifier.classes.find((one) => String(one) === options.label) ?? options.label
    const {
      label,
      score,
      method: used,
      window,
      pixels,
    } = await classifier.explain(picture, {
      ...{ label: wanted, method, signal },
      onProgress: progress.update,
    })
    progress.stop()
    await writeFileAtomically(output, encodePng(pixels))
    const result = { file, image: picture, label, score, method: used, window, output }
    printResult(
      options.json === true,
      result,
      () => `${[picture, label, score.toFixed(3), output].join('\t')}\n`,
    )
  } finally {
    progress.stop()
  }
}

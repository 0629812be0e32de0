import type { Command } from 'commander'
import { FeatureExtractor } from '../../cnn/extractor/extractor.ts'
import { openCache } from '../common/cache.ts'
import { checkWritable } from '../common/check-writable.ts'
import { labelledHelp, listAny } from '../common/labelled.ts'
import { type PoolingOption, parseLayer, parsePooling } from '../common/parse-options.ts'
import { addRuntime, type RuntimeOption, runtimeOf } from '../common/runtime-option.ts'
import { SkippedPictures, tellWhatIsLeftOut } from '../common/skipped.ts'
import { printResult, progress, say } from '../common/terminal.ts'

interface ExtractCommandOptions extends RuntimeOption {
  output: string
  model: string
  layer?: string | number
  pooling: PoolingOption
  mirror?: boolean
  json?: boolean
}

/**
 * Adds the command `extract`: writes features of images to a NumPy file. If the file exists, only images that it lacks
 * are extracted and added.
 */
export function addExtract(program: Command, signal: AbortSignal): void {
  const command = program
    .command('extract')
    .description('write the features of pictures to an .npz file; features already in the file are reused')
    .argument('<pictures>', `${labelledHelp}, or folder of pictures`)
    .requiredOption('-o, --output <file>', 'the .npz file to write, or to add to')
    .option('--model <source>', 'the CNN: tiny, small, or path or URL of an .onnx file', 'tiny')
    .option('--layer <name>', 'layer whose activations are the features', parseLayer)
    .option('--pooling <how>', 'auto, average, max, cls, none, or a grid such as 2x2', parsePooling, 'auto')
    .option('--mirror', 'average over the mirror image too: better for photos, takes twice as long')
  addRuntime(command)
    .option('--json', 'print one JSON document instead of text')
    .addHelpText(
      'after',
      '\nExample:\n  softmargin extract photos -o photos.npz --layer stage3 --pooling 2x2',
    )
    .action((pictures: string, options: ExtractCommandOptions) => extract(pictures, options, signal))
}

async function extract(pictures: string, options: ExtractCommandOptions, signal: AbortSignal): Promise<void> {
  const { output, model, layer, pooling, mirror } = options
  await checkWritable(output)
  const runtime = await runtimeOf(options)
  const listed = await listAny(pictures)
  await tellWhatIsLeftOut(listed)
  const skipped = new SkippedPictures()
  const store = await openCache(output, '--output')
  const before = store.size
  try {
    using extractor = await FeatureExtractor.create({ model, layer, pooling, mirror, ...runtime })
    const features = await store.extract(extractor, listed.paths, {
      labels: listed.labels,
      signal,
      onProgress: (p) => progress.update({ ...p, stage: 'features' }),
      onUnreadable: skipped.for(listed.paths),
    })
    progress.stop()
    await store.save()
    skipped.conclude(listed.paths.length)
    const description = extractor.describe()
    const added = store.size - before
    printResult(
      options.json === true,
      {
        file: output,
        images: features.rows,
        added,
        inFile: store.size,
        features: features.cols,
        layer: description.layer,
        pooling: description.pooling,
        fingerprint: store.fingerprint,
        skipped: skipped.list,
      },
      () =>
        `${added} of ${features.rows} images were new\n${output}: ${store.size} x ${features.cols} features\n`,
    )
  } finally {
    progress.stop()
    store.dispose()
    if (signal.aborted) say(`the features of ${store.size} images are stored in ${output}`)
  }
}

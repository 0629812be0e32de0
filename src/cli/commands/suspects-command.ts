import type { Command } from 'commander'
import { ImageClassifier } from '../../classifier/image-classifier.ts'
import { openCache } from '../common/cache.ts'
import { checkWritable } from '../common/check-writable.ts'
import { duplicatePaths, readPaths, tellDuplicates } from '../common/duplicates.ts'
import { checkTwoGroups, type GroupsOption, groupsOf, groupsOption } from '../common/groups-option.ts'
import { labelledHelp, listLabelled } from '../common/labelled.ts'
import { type PoolingOption, parseLayer, parsePooling, parsePositive } from '../common/parse-options.ts'
import { SkippedPictures, tellWhatIsLeftOut } from '../common/skipped.ts'
import { printResult, progress, say } from '../common/terminal.ts'

interface SuspectsOptions {
  model: string
  layer?: string | number
  pooling: PoolingOption
  C: number
  cache?: string
  groups?: GroupsOption
  json?: boolean
}

/** Adds the command `suspects`: lists images whose labels may be wrong. */
export function addSuspects(program: Command, signal: AbortSignal): void {
  program
    .command('suspects')
    .description('list pictures that may be in the wrong class, the most suspect first')
    .argument('<pictures>', labelledHelp)
    .option('--model <source>', 'the CNN: tiny, small, or path or URL of an .onnx file', 'tiny')
    .option('--layer <name>', 'layer whose activations are the features', parseLayer)
    .option('--pooling <how>', 'auto, average, max, cls, none, or a grid such as 2x2', parsePooling, 'auto')
    .option('--C <number>', 'penalty for errors, against a wide margin', parsePositive, 3)
    .option('--cache <file>', 'store features in this .npz file and reuse them')
    .addOption(groupsOption((flags, description) => program.createOption(flags, description)))
    .option('--json', 'print one JSON document instead of text')
    .addHelpText('after', '\nExample:\n  softmargin suspects photos | head -20')
    .action((pictures: string, options: SuspectsOptions) => suspects(pictures, options, signal))
}

async function suspects(pictures: string, options: SuspectsOptions, signal: AbortSignal): Promise<void> {
  if (options.cache !== undefined) await checkWritable(options.cache)
  const listed = await listLabelled(pictures)
  await tellWhatIsLeftOut(listed)
  const { paths, labels } = listed
  const groups = await groupsOf(options.groups, pictures, paths)
  if (groups) checkTwoGroups(labels, groups)
  const skipped = new SkippedPictures()
  const store = options.cache === undefined ? undefined : await openCache(options.cache, '--cache')
  try {
    const { model, layer, pooling, C } = options
    using classifier = await ImageClassifier.create({
      extractor: { model, layer, pooling },
      svm: { C },
      store,
    })
    await classifier.fit(paths, labels, {
      groups,
      signal,
      onProgress: progress.update,
      onUnreadable: skipped.for(paths),
      onWarning: say,
    })
    const read = readPaths(paths, skipped)
    const found = await classifier.suspects({ signal, onProgress: progress.update })
    const pairs = await classifier.nearDuplicates({ signal, onProgress: progress.update })
    progress.stop()
    skipped.conclude(paths.length)
    await store?.save()
    const list = found.map(({ index, ...suspect }) => ({ image: read[index], ...suspect }))
    const duplicates = duplicatePaths(pairs, read)
    tellDuplicates(duplicates)
    printResult(
      options.json === true,
      { images: read.length, suspects: list, duplicates, skipped: skipped.list },
      () =>
        list
          .map(
            ({ image, label, suggested, score }) =>
              `${[image, label, suggested, score.toFixed(3)].join('\t')}\n`,
          )
          .join(''),
    )
  } finally {
    progress.stop()
    store?.dispose()
  }
}

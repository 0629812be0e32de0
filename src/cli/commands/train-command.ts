import { performance } from 'node:perf_hooks'
import type { Command } from 'commander'
import { type ClassifierFineTune, ImageClassifier, type Scale } from '../../classifier/image-classifier.ts'
import { invalidArgument } from '../../core/errors.ts'
import { writeFileAtomically } from '../../host/storage/write-file.ts'
import { GridSearchCV } from '../../model-selection/grid-search.ts'
import type { ParamGrid } from '../../model-selection/parameter-grid.ts'
import { SVC, type SvcOptions } from '../../svm/svc.ts'
import { checkApart, openCache } from '../common/cache.ts'
import { checkWritable } from '../common/check-writable.ts'
import { findLeaks, readable, tellLeaks } from '../common/duplicates.ts'
import { accuracyOfTwice } from '../common/expected-accuracy.ts'
import { type GroupsOption, groupsOf, groupsOption } from '../common/groups-option.ts'
import { holdOut } from '../common/hold-out.ts'
import { labelledHelp, listAny, listLabelled } from '../common/labelled.ts'
import {
  defaultGrid,
  type GridOption,
  type PoolingOption,
  parseCount,
  parseFineTune,
  parseFolds,
  parseGamma,
  parseGrid,
  parseLayer,
  parseNumber,
  parsePartialShare,
  parsePooling,
  parsePositive,
  parseSeed,
  parseShare,
} from '../common/parse-options.ts'
import { addRuntime, type RuntimeOption, runtimeOf } from '../common/runtime-option.ts'
import { SkippedPictures, tellWhatIsLeftOut } from '../common/skipped.ts'
import { printResult, progress, say } from '../common/terminal.ts'
import { trainDocument, trainText } from '../common/train-result.ts'
import { makeReport } from '../report/train-report.ts'

interface TrainOptions extends RuntimeOption {
  output: string
  testSize: number
  model: string
  layer?: string | number
  cache?: string
  pooling: PoolingOption
  mirror?: boolean
  scale: Scale
  kernel: SvcOptions['kernel']
  C: number
  gamma: SvcOptions['gamma']
  degree: number
  coef0: number
  balanced?: boolean
  probability?: boolean
  libsvmProbability?: boolean
  unknown?: boolean
  reject: number
  background?: string
  grid?: GridOption | true
  cv: number
  fineTune?: ClassifierFineTune | true
  seed: number
  groups?: GroupsOption
  leaveOneOut?: boolean
  keepHoldout?: boolean
  report?: string
  json?: boolean
}

/**
 * Adds the command `train`: trains a classifier on a labelled folder, evaluates it on a hold-out, and writes it to a
 * file.
 */
export function addTrain(program: Command, signal: AbortSignal): void {
  const command = program
    .command('train')
    .description('train a classifier on pictures whose classes are known')
    .argument('<pictures>', labelledHelp)
    .requiredOption('-o, --output <file>', 'the .onnx file to write')
    .option('--test-size <share>', 'share of the images held out for evaluation, 0 for none', parseShare, 0.2)
    .option(
      '--leave-one-out',
      'also tell the accuracy by leave-one-out: on each image, by a fit of the SVM on all others',
    )
    .option('--keep-holdout', 'save the classifier without the images held out')
    .option('--model <source>', 'the CNN: tiny, small, or path or URL of an .onnx file', 'tiny')
    .option(
      '--layer <name>',
      'layer whose activations are the features, or auto for the one that suits best (default: the last before the head)',
      parseLayer,
    )
    .option('--pooling <how>', 'auto, average, max, cls, none, or a grid such as 2x2', parsePooling, 'auto')
    .option('--mirror', 'average over the mirror image too: better for photos, takes twice as long')
  addRuntime(command)
    .addOption(groupsOption((flags, description) => program.createOption(flags, description)))
    .addOption(
      program
        .createOption('--scale <how>', 'how the features are scaled')
        .choices(['standard', 'l2', 'none'])
        .default('standard'),
    )
    .addOption(
      program
        .createOption('--kernel <name>', 'kernel of the SVM')
        .choices(['rbf', 'linear', 'poly', 'sigmoid'])
        .default('rbf'),
    )
    .option('--C <number>', 'penalty for errors, against a wide margin', parsePositive, 3)
    .option('--gamma <value>', 'width of the kernel: scale, auto or a number', parseGamma, 'scale')
    .option('--degree <number>', 'degree of the poly kernel', parseCount, 3)
    .option('--coef0 <number>', 'constant of the poly and sigmoid kernels', parseNumber, 0)
    .option('--balanced', 'give rare classes as much weight as frequent ones')
    .option('--probability', 'fit probabilities too, from five folds; takes longer')
    .option('--libsvm-probability', 'fit probabilities as LIBSVM does; they may disagree with the label')
    .option('--unknown', 'let predict tell pictures of none of the classes')
    .option(
      '--reject <share>',
      'share of pictures of the classes that --unknown may refuse',
      parsePartialShare,
      0.05,
    )
    .option(
      '--background <folder>',
      'pictures of other things, by which --unknown tells more; default for those that ship with the CNN',
    )
    .option(
      '--grid [json]',
      `search for the best parameters (default: ${JSON.stringify(defaultGrid)})`,
      parseGrid,
    )
    .option('--cv <folds>', 'number of folds for --grid and for --layer auto', parseFolds, 5)
    .option(
      '--fine-tune [json]',
      'also train the CNN on the pictures (default: {}; for example {"seconds": 300})',
      parseFineTune,
    )
    .option('--cache <file>', 'store features in this .npz file and reuse them')
    .option('--seed <number>', 'seed of the hold-out', parseSeed, 0)
    .option('--report <file>', 'also write a report as one HTML file: plots, mistakes, suspect labels')
    .option('--json', 'print one JSON document instead of text')
    .addHelpText(
      'after',
      '\nExample:\n  softmargin train photos -o photos.onnx --layer stage3 --pooling 2x2 --grid',
    )
    .action((pictures: string, options: TrainOptions) => train(pictures, options, signal))
}

async function train(pictures: string, options: TrainOptions, signal: AbortSignal): Promise<void> {
  const started = performance.now()
  // Report invalid options before any long computation begins.
  const grid = options.grid === true ? defaultGrid : options.grid
  const svm = svmOptions(options)
  const { cv } = options
  if (grid) new GridSearchCV(new SVC(svm), grid as ParamGrid, { cv })
  await checkWritable(options.output)
  if (options.cache !== undefined) {
    await checkWritable(options.cache)
    checkApart(options.output, options.cache)
    if (options.fineTune !== undefined) {
      throw invalidArgument('--cache', options.cache, 'omitted with --fine-tune, which changes the features')
    }
  }
  if (options.leaveOneOut && options.groups !== undefined) {
    throw invalidArgument(
      '--leave-one-out',
      true,
      'omitted with --groups, of which it would leave out single images',
    )
  }
  const unknown = await unknownOptions(options)
  if (options.report !== undefined) {
    await checkWritable(options.report)
    checkApart(options.output, options.report, '--report')
  }
  const listed = await listLabelled(pictures)
  await tellWhatIsLeftOut(listed)
  const groups = await groupsOf(options.groups, pictures, listed.paths)
  const sides = holdOut({ ...listed, groups }, options)
  const runtime = await runtimeOf(options)
  const skipped = new SkippedPictures()
  const store = options.cache === undefined ? undefined : await openCache(options.cache, '--cache')
  try {
    using classifier = await ImageClassifier.create({
      extractor: {
        model: options.model,
        layer: options.layer,
        pooling: options.pooling,
        mirror: options.mirror,
        ...runtime,
      },
      scale: options.scale,
      probability: options.libsvmProbability ? 'libsvm' : options.probability === true,
      unknown,
      store,
      svm,
      fineTune: options.fineTune,
    })
    await classifier.fit(sides.train.paths, sides.train.labels, {
      ...(grid ? { grid: grid as ParamGrid } : {}),
      cv,
      groups: sides.train.groups,
      signal,
      onWarning: say,
      onProgress: progress.update,
      onUnreadable: skipped.for(sides.train.paths),
    })
    const skippedInTraining = skipped.list.length
    const evaluation =
      sides.test.paths.length > 0
        ? await classifier.evaluate(sides.test.paths, sides.test.labels, {
            signal,
            onProgress: progress.update,
            onUnreadable: skipped.for(sides.test.paths),
            add: true,
            details: options.report !== undefined,
          })
        : undefined
    const trained = sides.train.paths.length - skippedInTraining
    const leaks = evaluation === undefined ? [] : await findLeaks(classifier, trained, sides, skipped, signal)
    const [learnt, judged] = [sides.train, sides.test].map((side) => readable(side, skipped))
    const doubled = evaluation && (await accuracyOfTwice(classifier, learnt, evaluation, signal))
    const isRefitted = evaluation !== undefined && !options.keepHoldout
    if (isRefitted) {
      const all = learnt.groups && [...learnt.groups, ...judged.groups!]
      await classifier.refit({ groups: all, signal, onProgress: progress.update })
    }
    const leftOut = options.leaveOneOut
      ? await classifier.leaveOneOut({ signal, onProgress: progress.update })
      : undefined
    progress.stop()
    skipped.conclude(listed.paths.length)
    tellLeaks(leaks)
    await store?.save()
    const bytes = await classifier.save()
    await writeFileAtomically(options.output, bytes)

    if (options.report !== undefined) {
      const parts = { classifier, evaluation, sides, skipped, isRefitted, signal }
      await writeFileAtomically(options.report, new TextEncoder().encode(await makeReport(parts)))
    }
    const seconds = (performance.now() - started) / 1000
    const result = {
      ...{ output: options.output, bytes: bytes.length, seconds, classifier, trained },
      ...{ skipped: skipped.list, evaluation, leaks, doubled, isRefitted, leftOut },
    }
    printResult(options.json === true, trainDocument(result), () => trainText(result))
  } catch (error) {
    // The images that were skipped may be the reason for the error.
    skipped.sum(listed.paths.length)
    throw error
  } finally {
    progress.stop()
    store?.dispose()
    if (signal.aborted && store) say(`the features of ${store.size} images are stored in ${options.cache}`)
  }
}

/** The option `unknown` of the classifier: with `--background`, a folder's pictures at any depth. */
async function unknownOptions({ unknown, reject, background }: TrainOptions) {
  if (background === undefined) return unknown === true && { reject }
  if (unknown !== true) throw invalidArgument('--background', background, 'given together with --unknown')
  if (background === 'default') return { reject, background } as const
  return { reject, background: (await listAny(background)).paths }
}

function svmOptions(options: TrainOptions): SvcOptions {
  return {
    kernel: options.kernel,
    C: options.C,
    gamma: options.gamma,
    degree: options.degree,
    coef0: options.coef0,
    ...(options.threads === undefined ? {} : { threads: options.threads }),
    ...(options.balanced ? { classWeight: 'balanced' as const } : {}),
  }
}

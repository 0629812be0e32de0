import { extname } from 'node:path'
import type { Command } from 'commander'
import { SoftmarginError, show } from '../../core/errors.ts'
import { readSource } from '../../host/storage/read-source.ts'
import { writeFileAtomically } from '../../host/storage/write-file.ts'
import { isClassifier } from '../../onnx/classifier/read-classifier.ts'
import { readModel } from '../../onnx/graph/read-model.ts'
import { SVC } from '../../svm/public-svc.ts'
import { checkWritable } from '../common/check-writable.ts'
import { parseCount } from '../common/parse-options.ts'
import { printResult } from '../common/terminal.ts'

/** Adds the command `convert`: converts an SVM from ONNX to LIBSVM's text format, or back. */
export function addConvert(program: Command): void {
  program
    .command('convert')
    .description("convert an SVM from an .onnx file to LIBSVM's text format, or back")
    .argument('<in>', 'the SVM: an .onnx file from scikit-learn or softmargin, or a model from svm-train')
    .argument('<out>', 'the file to write: ONNX if its name ends in .onnx, otherwise LIBSVM text')
    .option(
      '--columns <number>',
      'number of columns, for a LIBSVM model whose last columns are all 0',
      parseCount,
    )
    .option('--json', 'print one JSON document instead of text')
    .addHelpText('after', '\nExample:\n  softmargin convert digits.model digits.onnx')
    .action((from: string, to: string, options: { columns?: number; json?: boolean }) =>
      convert(from, to, options),
    )
}

async function convert(
  from: string,
  to: string,
  { columns, json }: { columns?: number; json?: boolean },
): Promise<void> {
  await checkWritable(to)
  const bytes = await readSource(from, 'in')
  using svc = isLibsvmModel(bytes)
    ? SVC.fromLibsvm(new TextDecoder().decode(bytes), { columns })
    : await fromOnnx(bytes, from)
  const isOnnx = extname(to).toLowerCase() === '.onnx'
  await writeFileAtomically(to, isOnnx ? await svc.toOnnx() : new TextEncoder().encode(svc.toLibsvm()))
  const { rows, cols } = svc.supportVectors
  const format = isOnnx ? 'ONNX' : 'LIBSVM'
  printResult(
    json === true,
    { file: to, format, classes: svc.classes, supportVectors: rows, columns: cols },
    () =>
      `wrote ${to} (${format}): ${svc.classes.length} classes, ${rows} support vectors of ${cols} columns\n`,
  )
}

/** Whether bytes begin like a LIBSVM model. */
export function isLibsvmModel(bytes: Uint8Array): boolean {
  return new TextDecoder().decode(bytes.subarray(0, 9)) === 'svm_type '
}

async function fromOnnx(bytes: Uint8Array, path: string): Promise<SVC> {
  if (isClassifier(readModel(bytes, 'in'))) {
    const message = `${show(path)} is a whole image classifier; its SVM needs the CNN and the scaler, which a file with only an SVM cannot hold`
    throw new SoftmarginError('MODEL_UNSUPPORTED', message, { argument: 'in', expected: 'an SVM alone' })
  }
  return SVC.fromOnnx(bytes)
}

#!/usr/bin/env node
// The command-line program: parses arguments, runs a command and sets the exit code.

import { Command, CommanderError } from 'commander'
import { addOnnxRuntime } from '../cnn/onnxruntime.ts'
import { SoftmarginError } from '../core/errors.ts'
import { version } from '../core/version.ts'
import { addFormats } from '../image/formats/all-formats.ts'
import { addConvert } from './commands/convert-command.ts'
import { addEvaluate } from './commands/evaluate-command.ts'
import { addExplain } from './commands/explain-command.ts'
import { addExtract } from './commands/extract-command.ts'
import { addInfo } from './commands/info-command.ts'
import { addLayers } from './commands/layers-command.ts'
import { addNext } from './commands/next-command.ts'
import { addPredict } from './commands/predict-command.ts'
import { addServe } from './commands/serve-command.ts'
import { addSuspects } from './commands/suspects-command.ts'
import { addTrain } from './commands/train-command.ts'
import { say } from './common/terminal.ts'

addOnnxRuntime()
addFormats()

/** Exit codes. */
const exitCode = { fine: 0, failed: 1, usage: 2, interrupted: 130 }

const interrupt = new AbortController()
process.on('SIGINT', () => {
  // The first Ctrl-C lets the running call stop cleanly; a second one exits at once.
  if (interrupt.signal.aborted) process.exit(exitCode.interrupted)
  interrupt.abort()
})

// With `softmargin predict ... | head` the reader closes the pipe early, which is not an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(exitCode.fine)
})

const program = new Command('softmargin')
  .description('Image classification by a CNN that sees and an SVM that decides')
  .version(version)
  .exitOverride()
addTrain(program, interrupt.signal)
addPredict(program, interrupt.signal)
addEvaluate(program, interrupt.signal)
addNext(program, interrupt.signal)
addSuspects(program, interrupt.signal)
addExplain(program, interrupt.signal)
addExtract(program, interrupt.signal)
addServe(program, interrupt.signal)
addLayers(program, interrupt.signal)
addInfo(program)
addConvert(program)

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = tell(error)
}

/** Prints an error and returns its exit code. */
function tell(error: unknown): number {
  // Commander has already printed its message, or the help that was requested.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.fine : exitCode.usage
  if (!(error instanceof SoftmarginError)) {
    say(`softmargin: internal error: ${error instanceof Error ? error.stack : String(error)}`)
    return exitCode.failed
  }
  if (error.code === 'ABORTED' && interrupt.signal.aborted) {
    say('interrupted; no result was written')
    return exitCode.interrupted
  }
  say(`softmargin: ${error.message}`)
  return error.code === 'INVALID_ARGUMENT' ? exitCode.usage : exitCode.failed
}

// The options that select the runtime of the CNN. `--runtime` is one of softmargin's own runtimes, or a package that
// the user has installed.

import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Command } from 'commander'
import { checkModule, type OrtModule } from '../../cnn/custom-runtime.ts'
import type { ExtractorOptions } from '../../cnn/extractor/extractor.ts'
import { SoftmarginError, show } from '../../core/errors.ts'
import { parseThreads } from './parse-options.ts'

const builtIn = ['auto', 'engine', 'onnxruntime'] as const

/** The parsed options that `addRuntime` adds. */
export interface RuntimeOption {
  runtime?: string
  executionProvider?: string[]
  threads?: number
}

/** Adds `--runtime`, `--execution-provider` and `--threads` to a command. */
export function addRuntime(command: Command): Command {
  return command
    .option(
      '--runtime <name>',
      'runtime of the CNN: auto, engine, onnxruntime, or an installed package such as onnxruntime-node',
    )
    .option(
      '--execution-provider <names...>',
      'execution providers of such a package, in order of preference, such as cuda cpu',
    )
    .option('--threads <number>', 'how many threads share the work (default: one a core)', parseThreads)
}

/**
 * Returns the extractor options for `--runtime`. Packages are resolved from the working folder, then from the folder in
 * which softmargin is installed.
 *
 * @throws {SoftmarginError} `INVALID_ARGUMENT` for a package that is not installed, that cannot be loaded, or that is
 *   no runtime
 */
export async function runtimeOf({
  runtime,
  executionProvider,
  threads,
}: RuntimeOption): Promise<Pick<ExtractorOptions, 'runtime' | 'executionProviders' | 'threads'>> {
  const options = { executionProviders: executionProvider, threads }
  if (runtime === undefined) return options
  const known = builtIn.find((name) => name === runtime)
  return { runtime: known ?? (await load(runtime)), ...options }
}

async function load(name: string): Promise<OrtModule> {
  const path = resolve(name)
  if (path === undefined) {
    throw unusable(name, `no package of that name is installed; run "npm install ${name}"`)
  }
  let module: object
  try {
    module = await import(pathToFileURL(path).href)
  } catch (cause) {
    throw unusable(name, `the package cannot be loaded: ${(cause as Error).message}`, cause)
  }
  return checkModule(module)
}

/** The file that `import` of a package would run. */
function resolve(name: string): string | undefined {
  // Only package names: neither paths nor built-in modules of Node.
  if (!/^(@[\w.-]+\/)?[\w-][\w.-]*(\/[\w.-]+)*$/.test(name)) return undefined
  for (const from of [join(process.cwd(), 'package.json'), import.meta.url]) {
    try {
      const path = createRequire(from).resolve(name)
      if (path !== name) return path
    } catch {}
  }
  return undefined
}

function unusable(name: string, why: string, cause?: unknown): SoftmarginError {
  const expected = `${builtIn.join(', ')} or an installed package such as onnxruntime-node`
  const message = `--runtime must be ${expected}, but is ${show(name)}, and ${why}`
  return new SoftmarginError('INVALID_ARGUMENT', message, {
    argument: '--runtime',
    received: name,
    expected,
    cause,
  })
}

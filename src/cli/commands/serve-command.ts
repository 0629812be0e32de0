import type { Command } from 'commander'
import { ImageClassifier } from '../../classifier/image-classifier.ts'
import { SoftmarginError } from '../../core/errors.ts'
import { parseCount, parsePositive } from '../common/parse-options.ts'
import { addRuntime, type RuntimeOption, runtimeOf } from '../common/runtime-option.ts'
import { say } from '../common/terminal.ts'
import { PictureServer } from '../serve/picture-server.ts'

/** The longest delay that timers support, in milliseconds. */
const MAX_TIMER_MS = 2 ** 31 - 1

interface ServeOptions extends RuntimeOption {
  port: number
  host: string
  maxBytes: number
  maxImages: number
  maxRequests: number
  timeout: number
  grace: number
}

/** Adds the command `serve`: answers HTTP requests with a saved classifier until it is interrupted. */
export function addServe(program: Command, signal: AbortSignal): void {
  const command = program
    .command('serve')
    .description('serve a classifier over HTTP: POST /classify predicts the classes of pictures')
    .argument('<file>', 'the .onnx file that train wrote')
    .option('--port <number>', 'port to listen on; 0 for any free port', parseCount, 8080)
    .option('--host <name>', 'address to listen on; 0.0.0.0 for all interfaces', '127.0.0.1')
    .option('--max-bytes <number>', 'maximum bytes of a request body', parseCount, 20_000_000)
    .option('--max-images <number>', 'maximum pictures in a request', parseCount, 64)
    .option('--max-requests <number>', 'maximum concurrent requests; others are rejected', parseCount, 256)
    .option(
      '--timeout <seconds>',
      'seconds for receiving a request, and again for answering it',
      parsePositive,
      30,
    )
    .option('--grace <seconds>', 'seconds for open requests when the server shuts down', parsePositive, 10)
  addRuntime(command)
    .addHelpText(
      'after',
      '\nExample:\n  softmargin serve photos.onnx\n  curl --data-binary @cat.jpg -H "content-type: image/jpeg" http://127.0.0.1:8080/classify?top=3',
    )
    .action((file: string, options: ServeOptions) => serve(file, options, signal))
}

async function serve(file: string, options: ServeOptions, signal: AbortSignal): Promise<void> {
  const { port, host, maxBytes, maxImages, maxRequests } = options
  using classifier = await ImageClassifier.load(file, await runtimeOf(options))
  const limits = { maxBytes, maxImages, maxRequests, timeout: milliseconds(options.timeout) }
  const server = new PictureServer(classifier, limits, (error) => {
    say(`softmargin: ${error instanceof Error ? error.stack : String(error)}`)
  })
  let url: string
  try {
    url = await server.listen(port, host)
  } catch (cause) {
    const message = `the server cannot listen on ${host}, port ${port}: ${(cause as Error).message}`
    throw new SoftmarginError('HOST_UNSUPPORTED', message, { argument: '--port', received: port, cause })
  }
  process.stdout.write(`${url}\n`)
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true })
    process.once('SIGTERM', () => resolve())
    if (signal.aborted) resolve()
  })
  say('shutting down; open requests are still answered')
  await server.close(milliseconds(options.grace))
}

/** Seconds as whole milliseconds, of which a timer takes some 24 days at most; a longer time ends at once. */
function milliseconds(seconds: number): number {
  return Math.max(1, Math.min(MAX_TIMER_MS, Math.round(1000 * seconds)))
}

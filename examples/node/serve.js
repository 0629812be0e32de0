// Serves a trained classifier with HTTP and JSON, within limits on size, number and time, and ends gracefully. The command
// `softmargin serve` is such a server with more options; this one is to be copied and changed.
//
// node examples/node/serve.js <file.onnx> <port>
//   curl --data-binary @cat.jpg localhost:8080/classify      {"label":"cat"}
//   curl localhost:8080/health                               {"status":"ok","classes":["cat","dog"]}
import { createServer } from 'node:http'
import { ImageClassifier, SoftmarginError } from 'softmargin'

const MAX_BYTES = 10_000_000
const MAX_REQUESTS = 100
/** Milliseconds for receiving a request, and again for answering it. */
const TIMEOUT = 10_000
/** Milliseconds for the open requests when the server ends. */
const GRACE = 5000

const [file, port] = process.argv.slice(2)
const classifier = await ImageClassifier.load(file)
let busy = 0
let isEnding = false

const server = createServer(
  { requestTimeout: TIMEOUT, headersTimeout: TIMEOUT, connectionsCheckingInterval: TIMEOUT / 4 },
  async (request, response) => {
    const ended = new AbortController()
    // A client that has disconnected needs no label.
    response.on('close', () => ended.abort())
    const { signal } = ended
    const { status, body } = await answer(request, signal).catch((error) => failure(error, signal))
    if (isEnding) response.setHeader('connection', 'close')
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  },
)

async function answer(request, ended) {
  const route = `${request.method} ${request.url}`
  if (route === 'GET /health') {
    return {
      status: isEnding ? 503 : 200,
      body: { status: isEnding ? 'ending' : 'ok', classes: classifier.classes },
    }
  }
  if (route !== 'POST /classify') return { status: 404, body: { error: 'POST /classify or GET /health' } }
  if (busy === MAX_REQUESTS) return { status: 503, body: { error: 'too many requests at once' } }
  busy++
  try {
    const picture = await readBody(request)
    if (!picture) return { status: 413, body: { error: `more than ${MAX_BYTES} bytes` } }
    const signal = AbortSignal.any([ended, AbortSignal.timeout(TIMEOUT)])
    // Requests at the same time share batches, and use all cores.
    const [label] = await classifier.predict([picture], { signal })
    return { status: 200, body: { label } }
  } finally {
    busy--
  }
}

/** The bytes of a body; undefined if they are too many. */
async function readBody(request) {
  const chunks = []
  let length = 0
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    length += chunk.length
    if (length > MAX_BYTES) {
      // The rest is dropped, since a client whose connection is closed while it sends would not see the response.
      request.resume()
      return undefined
    }
    chunks.push(chunk)
  }
  return new Uint8Array(Buffer.concat(chunks))
}

function failure(error, { aborted }) {
  const code = error instanceof SoftmarginError ? error.code : undefined
  if (code === 'IMAGE_UNREADABLE') return { status: 400, body: { error: error.message } }
  if (code === 'ABORTED') return { status: 503, body: { error: 'it took too long' } }
  if (!aborted) console.error(error)
  return { status: 500, body: { error: 'the server failed' } }
}

/** Answers the open requests, but accepts no more connections. */
function end() {
  isEnding = true
  server.close(() => classifier.dispose())
  server.closeIdleConnections()
  setTimeout(() => server.closeAllConnections(), GRACE).unref()
}
process.once('SIGTERM', end).once('SIGINT', end)

server.listen(Number(port), () => console.log(`http://localhost:${server.address().port}`))

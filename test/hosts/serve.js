import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { extname, join, normalize } from 'node:path'

const types = { '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm' }

/**
 * A strict content security policy: nothing from other origins, no eval except WebAssembly, no workers from strings.
 */
const policy = {
  'content-security-policy': "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'",
}
const isolated = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
}

/**
 * Serves a folder.
 *
 * @param threads whether the page may share memory
 * @param strict whether to use the policy above, which does not allow import maps
 * @param instead returns what to serve in place of a file, as `{ type, bytes }`; either may be missing
 */
export async function serve(folder, { threads, strict = true, instead = () => undefined }) {
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url, 'http://localhost').pathname)
    const file = join(folder, normalize(path.endsWith('/') ? `${path}index.html` : path))
    try {
      const { type, bytes } = {
        type: types[extname(file)] ?? 'application/octet-stream',
        bytes: await readFile(file),
        ...instead(file),
      }
      response
        .writeHead(200, { 'content-type': type, ...(strict ? policy : {}), ...(threads ? isolated : {}) })
        .end(bytes)
    } catch {
      response.writeHead(404).end()
    }
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

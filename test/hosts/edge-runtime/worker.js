// For edge-runtime: runs the program with modules that the platform supplies as globals.
import * as softmargin from 'softmargin'
import { spawn } from 'softmargin/worker'
import { program } from '../program.js'

softmargin.useAssets(globalThis.assets)

addEventListener('fetch', (event) => {
  const answer = program(softmargin, spawn).then(
    (rows) => Response.json(rows),
    (error) => new Response(error.stack ?? String(error), { status: 500 }),
  )
  event.respondWith(answer)
})

// For browsers: runs the program and leaves what came of it in `window.outcome`.
import * as softmargin from 'softmargin'
import { spawn } from 'softmargin/worker'
import { program } from '../program.js'

window.outcome = await program(softmargin, spawn).then(
  JSON.stringify,
  (error) => `failed: ${error.stack ?? error}`,
)

// For browsers: runs the program and stores its results in `window.outcome`.
import * as softmargin from 'softmargin'
import { spawn } from 'softmargin/worker'
import { program } from '../program.js'

window.outcome = await program(softmargin, spawn).then(
  JSON.stringify,
  // WebKit's stacks do not begin with the message.
  (error) => `failed: ${error}\n${error.stack}`,
)

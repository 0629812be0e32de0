// For Node, Deno and Bun: runs the program and prints its results as one line of JSON.
import * as softmargin from 'softmargin'
import { spawn } from 'softmargin/worker'
import { program } from './program.js'

console.log(JSON.stringify(await program(softmargin, spawn)))

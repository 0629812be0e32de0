// For the checks of pages: hands them the library, pictures, and a worker that they may end.
import * as softmargin from 'softmargin'
import { spawn } from 'softmargin/worker'
import { pictures } from '../pictures.js'

const [jpeg, png] = pictures(2).images
const ownWorker = () => new Worker(new URL('./worker.js', import.meta.url), { type: 'module' })
Object.assign(window, { softmargin, spawn, ownWorker, jpeg, png, ready: true })

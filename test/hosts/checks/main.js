// For the checks of pages: hands them the library, pictures, and a worker that they may end.
import * as softmargin from 'softmargin'
import { spawn } from 'softmargin/worker'
import { pictures } from '../pictures.js'
import workerUrl from './worker.js?worker&url'

const [jpeg, png] = pictures(2).images
const ownWorker = () => new Worker(new URL('./worker.js', import.meta.url), { type: 'module' })
Object.assign(window, { softmargin, spawn, ownWorker, workerUrl, jpeg, png, ready: true })

// For the checks of pages: exposes the library, pictures, and a worker that the checks can terminate.
import * as softmargin from 'softmargin'
import { spawn } from 'softmargin/worker'
import { pictures } from '../pictures.js'
import workerUrl from './worker.js?worker&url'

const [jpeg, png] = pictures(2).images
const createWorker = () => new Worker(new URL('./worker.js', import.meta.url), { type: 'module' })
Object.assign(window, { softmargin, spawn, createWorker, workerUrl, jpeg, png, ready: true })

import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { peersFolder } from './peers.js'

/** onnxruntime-node, installed from npm on demand: `{ runtime }`, or `{ absent }` with the reason. */
export function nativeRuntime() {
  const folder = peersFolder()
  // By path instead of name, because Node caches that a package was missing.
  const load = () => createRequire(folder)(`${folder}node_modules/onnxruntime-node/dist/index.js`)
  try {
    return { runtime: load() }
  } catch {}
  console.log('Fetching onnxruntime-node from npm into bench/.peers')
  try {
    const flags = ['--prefix', folder, '--no-audit', '--no-fund', '--ignore-scripts']
    execFileSync('npm', ['install', ...flags, 'onnxruntime-node@1.30'], { stdio: 'ignore' })
    return { runtime: load() }
  } catch (error) {
    return { absent: error.message.split('\n')[0] }
  }
}

import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { peersFolder } from './peers.js'

/** onnxruntime-node, brought from npm on demand: `{ runtime }`, or `{ absent }` and why. */
export function nativeRuntime() {
  const folder = peersFolder()
  // Its file, not its name: that a package is not there is remembered by Node.
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

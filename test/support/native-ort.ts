import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

type NativeOrt = Pick<typeof import('onnxruntime-web'), 'InferenceSession' | 'Tensor'>

/** Where .ci/run installs onnxruntime-node, which is too large for a dependency. */
const folder = fileURLToPath(new URL('../../.cache/native/', import.meta.url))

/**
 * The native ONNX Runtime, if it is installed. CI must have it; contributors need not.
 */
export function nativeOrt(): NativeOrt | undefined {
  try {
    return createRequire(join(folder, 'package.json'))('onnxruntime-node')
  } catch (cause) {
    if (process.env.CI) throw new Error('onnxruntime-node is not installed, but is required in CI', { cause })
    return undefined
  }
}

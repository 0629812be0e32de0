import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

type NativeOrt = Pick<typeof import('onnxruntime-web'), 'InferenceSession' | 'Tensor'>

/** Where .ci/run puts onnxruntime-node: it is too large to be installed with the package. */
const folder = fileURLToPath(new URL('../../.cache/native/', import.meta.url))

/**
 * ONNX Runtime as a native program, if this machine has it. The machine that guards the project must have it; a
 * contributor's need not.
 */
export function nativeOrt(): NativeOrt | undefined {
  try {
    return createRequire(join(folder, 'package.json'))('onnxruntime-node')
  } catch (cause) {
    if (process.env.CI)
      throw new Error('onnxruntime-node is missing: it must be there where CI is set', { cause })
    return undefined
  }
}

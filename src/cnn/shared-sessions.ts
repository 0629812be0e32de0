import { SoftmarginError } from '../core/errors.ts'
import { detachWeights, type WeightFile } from '../onnx/edit/detach-weights.ts'
import type { ModelProto } from '../onnx/proto/onnx.ts'
import type { RunningNetwork } from './running-network.ts'

/** A session and those who use it. */
interface Shared {
  graph: Uint8Array
  weights: WeightFile[]
  session: Promise<RunningNetwork>
  users: number
}

const shared: Shared[] = []

/**
 * A session for a model; the one that there is already if the models are equal. A session takes the memory of the
 * weights and the time to prepare them, and extractors that differ in pooling or preprocessing have the same network.
 *
 * @param start starts a session
 * @returns a network that is released by itself: the session ends with its last user
 */
export async function shareSession(
  model: ModelProto,
  start: () => Promise<RunningNetwork>,
): Promise<Omit<RunningNetwork, 'runAll'>> {
  const { bytes: graph, files: weights } = detachWeights(model)
  let one = shared.find((other) => isSame(graph, other.graph) && isSameWeights(weights, other.weights))
  if (!one) {
    one = { graph, weights, session: start(), users: 0 }
    shared.push(one)
  }
  const used = one
  used.users++
  let isReleased = false
  const release = async () => {
    if (isReleased) return
    isReleased = true
    used.users--
    if (used.users > 0) return
    shared.splice(shared.indexOf(used), 1)
    await (await used.session).release()
  }
  let session: RunningNetwork
  try {
    session = await used.session
  } catch (error) {
    isReleased = true
    const at = shared.indexOf(used)
    // The next call tries again.
    if (at >= 0) shared.splice(at, 1)
    throw error
  }
  return {
    device: session.device,
    run: async (input, batch, dims) => {
      if (isReleased) throw new SoftmarginError('DISPOSED', 'the extractor was used after dispose()')
      return session.run(input, batch, dims)
    },
    release,
  }
}

function isSameWeights(some: WeightFile[], others: WeightFile[]): boolean {
  return some.length === others.length && some.every(({ data }, i) => isSame(data, others[i].data))
}

function isSame(some: Uint8Array, others: Uint8Array): boolean {
  if (some.length !== others.length) return false
  if (some.buffer === others.buffer && some.byteOffset === others.byteOffset) return true
  // Four bytes at a time, where they lie so.
  const isWhole = some.byteOffset % 4 === 0 && others.byteOffset % 4 === 0
  const words = isWhole ? some.length >> 2 : 0
  const [a, b] = [some, others].map(({ buffer, byteOffset }) => {
    return isWhole ? new Uint32Array(buffer, byteOffset, words) : new Uint32Array(0)
  })
  for (let i = 0; i < words; i++) if (a[i] !== b[i]) return false
  for (let i = words * 4; i < some.length; i++) if (some[i] !== others[i]) return false
  return true
}

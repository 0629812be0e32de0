// ONNX Runtime's module: the only file that imports onnxruntime-web.

import type { InferenceSession } from 'onnxruntime-web'
import { SoftmarginError } from '../../core/errors.ts'
import { hasGpu, type OrtBuild, ortBuild, withCustomRuntime } from '../../host/modules/ort-build.ts'
import { importUnbundled } from '../../host/platform/builtins.ts'
import { fetchedFault } from '../../host/storage/wasm-bytes.ts'
import { detachWeights } from '../../onnx/edit/detach-weights.ts'
import type { ModelProto } from '../../onnx/proto/onnx.ts'
import type { Device } from '../running-network.ts'
import { loadError, reason } from '../session-results.ts'

type Ort = typeof import('onnxruntime-web')

const runtimes = new Map<OrtBuild, Promise<Ort>>()
/** Serializes all calls into ONNX Runtime: concurrent runs fail on some devices. */
let last: Promise<unknown> = Promise.resolve()
/** Why the GPU can no longer be used: ONNX Runtime does not recover from a lost device. */
let gpuLost: string | undefined
/** Number of sessions on the GPU. */
let gpuSessions = 0

/** @throws {SoftmarginError} `HOST_UNSUPPORTED` for `'webgpu'` without a GPU */
export async function checkDevice(device: Device): Promise<void> {
  if (device !== 'webgpu' || (gpuLost === undefined && (await hasGpu()))) return
  const why = gpuLost ?? 'this host has no WebGPU adapter'
  const details = { argument: 'device', received: device, expected: `'wasm' or 'auto'` }
  throw new SoftmarginError('HOST_UNSUPPORTED', `device 'webgpu' is not available: ${why}`, details)
}

/** @throws if the GPU was lost, with the reason */
export function checkGpu(): void {
  if (gpuLost !== undefined) throw new Error(gpuLost)
}

/** The module for a device, on which a session has been started. */
export function ortFor(device: Device): Promise<Ort> {
  return runtimes.get(ortBuild(device))!
}

/**
 * Starts a session.
 *
 * @param resultsIn where each output is returned; by default all in the memory of WebAssembly
 * @throws {SoftmarginError} `MODEL_UNSUPPORTED`, `HOST_UNSUPPORTED`
 */
export async function start(
  model: ModelProto,
  device: Device,
  resultsIn?: InferenceSession.SessionOptions['preferredOutputLocation'],
): Promise<InferenceSession> {
  const { InferenceSession, env } = await loadOrt(device)
  const { bytes, files } = detachWeights(model)
  try {
    const session = await withCustomRuntime(env.wasm, () =>
      InferenceSession.create(bytes, {
        executionProviders: [device],
        externalData: files,
        logSeverityLevel: 3,
        ...(resultsIn && { preferredOutputLocation: resultsIn }),
      }),
    )
    if (device === 'webgpu') {
      gpuSessions++
      await watchGpu()
    }
    return session
  } catch (cause) {
    const said = reason(cause)
    // The runtime itself failed to start, which is not the model's fault.
    if (/no available backend/i.test(said)) {
      throw (
        (await fetchedFault('onnxruntime.wasm')) ??
        new SoftmarginError('HOST_UNSUPPORTED', `ONNX Runtime cannot be started: ${said}`, { cause })
      )
    }
    throw loadError(model, cause)
  }
}

/** Ends a session. */
export function stop(session: InferenceSession, device: Device): Promise<void> {
  if (device === 'webgpu' && --gpuSessions === 0 && watched) {
    retired.add(watched)
    watched = undefined
  }
  return session.release()
}

/**
 * The current GPU device, and devices that the runtime released with their last session, whose loss is
 * expected.
 */
let watched: object | undefined
const retired = new WeakSet<object>()

/** Watches for loss of the GPU device, because a session does not report it. */
async function watchGpu(): Promise<void> {
  const { env } = await runtimes.get('webgpu')!
  const device = (await env.webgpu.device) as unknown as { lost: Promise<{ message: string }> } | undefined
  if (!device || device === watched) return
  watched = device
  device.lost.then(({ message }) => {
    if (!retired.has(device)) gpuLost = `the device was lost: ${message || 'no reason given'}`
  })
}

async function loadOrt(device: Device): Promise<Ort> {
  const build = ortBuild(device)
  if (!runtimes.has(build)) runtimes.set(build, importOrt(build))
  const loaded = await runtimes.get(build)!.catch((cause) => {
    runtimes.delete(build)
    throw new SoftmarginError('HOST_UNSUPPORTED', `ONNX Runtime cannot be loaded: ${reason(cause)}`, {
      cause,
    })
  })
  // One thread each gives the same bits everywhere; sessions side by side use the other cores.
  loaded.env.wasm.numThreads = 1
  return loaded
}

async function importOrt(build: OrtBuild): Promise<Ort> {
  // Do not bundle the 28 MB of WebAssembly of the Node.js build into web pages.
  if (build === 'node') return importUnbundled('onnxruntime-web')
  if (build === 'webgpu') return (await import('onnxruntime-web/webgpu')) as Ort
  return (await import('onnxruntime-web/wasm')) as Ort
}

/** Calls `work` when all calls before it have ended. */
export function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const result = last.then(work)
  last = result.catch(() => {})
  return result
}

// Runtimes that the caller supplies: onnxruntime-node, onnxruntime-react-native, another build of onnxruntime-web.
// given-session.ts runs networks in them.

import { invalidArgument, SoftmarginError } from '../core/errors.ts'

/**
 * The part of the API of onnxruntime-common that softmargin calls. The namespace of onnxruntime-node is such a
 * module, and so are onnxruntime-react-native and every build of onnxruntime-web.
 */
export interface OrtModule {
  readonly InferenceSession: {
    create(model: Uint8Array, options?: object): Promise<OrtSession>
  }
  readonly Tensor: new (type: 'float32', data: Float32Array, dims: readonly number[]) => object
  /** Its `versions` tell which package the module is. */
  readonly env?: object | undefined
}

/** A session of an `OrtModule`. */
export interface OrtSession {
  // biome-ignore lint/suspicious/noExplicitAny: the tensors of the module, whose class is not known here
  run(feeds: any): Promise<Readonly<Record<string, any>>>
  release?(): Promise<void>
}

/** Where a given runtime computes: the name of an execution provider, or an object with its name and its options. */
export type ExecutionProvider = string | { readonly name: string }

/** Options of a session in a given runtime. */
export interface GivenOptions {
  /** Passed on as `intraOpNumThreads`. Default: the runtime's own. */
  threads?: number | undefined
  /** Passed on as they are. Default: the runtime's own. */
  executionProviders?: readonly ExecutionProvider[] | undefined
}

/** Description of a module for error messages. */
export const wantedModule =
  "a module with onnxruntime-common's API (InferenceSession.create() and Tensor), such as onnxruntime-node"

/**
 * The module itself, or its default export if only that speaks the API.
 *
 * @throws {SoftmarginError} `INVALID_ARGUMENT`, naming what the module lacks
 */
export function checkModule(given: object): OrtModule {
  const lacks = lackOf(given)
  if (lacks === undefined) return given as OrtModule
  const { default: inner } = given as { default?: unknown }
  if (typeof inner === 'object' && inner !== null && lackOf(inner) === undefined) return inner as OrtModule
  const message = `runtime must be ${wantedModule}, but lacks ${lacks}`
  throw new SoftmarginError('INVALID_ARGUMENT', message, {
    argument: 'runtime',
    received: `a module without ${lacks}`,
    expected: wantedModule,
  })
}

function lackOf(module: object): string | undefined {
  const { InferenceSession, Tensor } = module as Partial<OrtModule>
  if (typeof InferenceSession?.create !== 'function') return 'InferenceSession.create()'
  return typeof Tensor === 'function' ? undefined : 'Tensor'
}

/** @throws {SoftmarginError} `INVALID_ARGUMENT` unless the runtime is a module that the caller may use in this way */
export function checkGivenRuntime(runtime: unknown, device: string, executionProviders?: unknown): void {
  if (executionProviders !== undefined) checkProviders(executionProviders)
  if (typeof runtime === 'object' && runtime !== null) {
    checkModule(runtime)
    if (device === 'wasm') return
    const message = `device cannot be '${device}' if runtime is a module; use executionProviders instead`
    throw invalidArgument('device', device, "'wasm' if runtime is a module", message)
  }
  if (!['auto', 'engine', 'onnxruntime'].includes(runtime as string)) {
    throw invalidArgument(
      'runtime',
      runtime,
      "'auto', 'engine', 'onnxruntime' or a module such as onnxruntime-node",
    )
  }
  if (runtime === 'engine' && device !== 'wasm') {
    throw invalidArgument('runtime', runtime, `'auto' or 'onnxruntime' with device '${device}'`)
  }
  const message = 'executionProviders needs a module as runtime, such as onnxruntime-node; use device instead'
  throw invalidArgument(
    'executionProviders',
    executionProviders,
    'omitted unless runtime is a module',
    message,
  )
}

/** @throws {SoftmarginError} `INVALID_ARGUMENT` */
function checkProviders(providers: unknown): void {
  const isProvider = (one: unknown) =>
    (typeof one === 'string' && one !== '') ||
    (typeof one === 'object' && one !== null && typeof (one as { name?: unknown }).name === 'string')
  if (Array.isArray(providers) && providers.length > 0 && providers.every(isProvider)) return
  throw invalidArgument(
    'executionProviders',
    providers,
    "an array of at least one name such as 'cuda', or of objects with a name",
  )
}

/** The package that a module comes from, as far as it tells, with its version. */
export function packageOf({ env }: OrtModule): { name: string; version: string | undefined } {
  const { versions = {} } = (env ?? {}) as { versions?: Record<string, string | undefined> }
  // A page or a process may hold several packages that share one onnxruntime-common and its `versions`.
  for (const kind of ['node', 'react-native', 'web']) {
    if (versions[kind] !== undefined) return { name: `onnxruntime-${kind}`, version: versions[kind] }
  }
  return { name: 'unnamed', version: versions.common }
}

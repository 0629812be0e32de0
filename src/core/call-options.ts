/** How far a long call has come. */
export interface Progress {
  /** Pieces of work that are done. */
  done: number
  /** Pieces of work in all. */
  total: number
}

/** What every long call takes. */
export interface LongCall<P extends Progress = Progress> {
  /** Aborts the call: it throws `ABORTED`, and the object stays usable. */
  signal?: AbortSignal | undefined
  /** Called from time to time, and once at the end with `done === total`. */
  onProgress?: ((progress: P) => void) | undefined
}

/** Where what went well, but not as well as it looks, is told. */
export interface Warned {
  /** Gets each warning as a sentence. Default: a warning on the console. */
  onWarning?: ((message: string) => void) | undefined
}

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

/** Progress of a long call. */
export interface Progress {
  /** Units of work completed. */
  done: number
  /** Total units of work. */
  total: number
}

/** Options of every long call. */
export interface LongCall<P extends Progress = Progress> {
  /** Aborts the call, which then throws `ABORTED`. The object stays usable. */
  signal?: AbortSignal | undefined
  /** Called repeatedly during the call, and at the end with `done === total`. */
  onProgress?: ((progress: P) => void) | undefined
}

/** Options of calls that can succeed with a warning. */
export interface Warned {
  /** Receives each warning as a sentence. Default: a warning on the console. */
  onWarning?: ((message: string) => void) | undefined
}

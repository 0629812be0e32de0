/** Runs asynchronous tasks one at a time, in the order in which they were added. */
export class WriteQueue {
  #end: Promise<unknown> = Promise.resolve()
  #waiting = 0

  /** @returns the result of the task; if the task throws, later tasks still run */
  take<T>(work: () => Promise<T>): Promise<T> {
    this.#waiting++
    const turn = this.#end.then(work).finally(() => this.#waiting--)
    this.#end = turn.catch(() => {})
    return turn
  }

  /** Runs a short synchronous task at once if the queue is idle, otherwise after all tasks already in it. */
  last(work: () => void): void {
    if (this.#waiting === 0) work()
    else this.#end.then(work)
  }
}

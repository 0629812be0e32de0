/** Work that is done one piece after the other, in the order in which it was asked for. */
export class WriteQueue {
  #end: Promise<unknown> = Promise.resolve()
  #waiting = 0

  /** @returns what the work answers; what it throws is the caller's, and keeps nobody else from their turn */
  take<T>(work: () => Promise<T>): Promise<T> {
    this.#waiting++
    const turn = this.#end.then(work).finally(() => this.#waiting--)
    this.#end = turn.catch(() => {})
    return turn
  }

  /** Does something short at once where nothing is being done, else behind all that was asked for. */
  last(work: () => void): void {
    if (this.#waiting === 0) work()
    else this.#end.then(work)
  }
}

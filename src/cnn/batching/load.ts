/** How long the images of a network take, and whether that is long enough to start threads for them. */
export class Load {
  readonly #startUp: number
  #milliseconds = 0
  #images = 0
  #held = 0

  /** @param startUp milliseconds of work below which no threads are started */
  constructor(startUp: number) {
    this.#startUp = startUp
  }

  /**
   * @param milliseconds time of a piece of work
   * @param images number of images it finished
   * @param isHolding whether other images had to wait for it
   */
  note(milliseconds: number, images: number, isHolding: boolean): void {
    this.#milliseconds += milliseconds
    this.#images += images
    if (isHolding) this.#held += milliseconds
  }

  /** Whether threads would have been worth their start, or will be for the images that are left. */
  isWorthThreads(left: number): boolean {
    const each = this.#images === 0 ? 0 : this.#milliseconds / this.#images
    return this.#held + left * each > this.#startUp
  }
}

import type { Matrix } from '../../core/matrix.ts'
import type { Engine } from '../wasm/engine.ts'
import type { TimeSlice } from '../wasm/time-slice.ts'
import { type Conditioning, type Kernel, storeKernel } from './kernel.ts'
import type { PackedLayout } from './packed-rows.ts'
import type { PrecisePacker } from './precise-packer.ts'
import { PANEL, positionsIn, runsOf } from './runs.ts'

/** Packs the rows of a matrix group by group, to the addresses in `layout`. */
export class Packer {
  readonly layout: PackedLayout
  readonly #engine: Engine
  readonly #X: Matrix
  readonly #groups: ArrayLike<number>[]
  readonly #kernel: number
  readonly #staging: number
  readonly #conditioner: Conditioner
  readonly #precise: PrecisePacker | undefined

  /**
   * Only allocates the memory.
   *
   * @param groups row numbers of X, group by group
   * @param kernel the kernel to apply to conditioned rows (see `rescaled`)
   * @param Precise required if `conditioning.precise` is set; passed in, so that what only packs rows for float32, such as
   *   most predictions, need not load it
   * @throws {SoftmarginError} `OUT_OF_MEMORY`
   */
  constructor(
    engine: Engine,
    X: Matrix,
    groups: ArrayLike<number>[],
    kernel: Kernel,
    conditioning: Conditioning,
    Precise?: typeof PrecisePacker,
  ) {
    const width = X.cols
    const runs = runsOf(groups)
    const positions = positionsIn(runs)
    const panels = engine.allocate(positions * width * 4)
    const norms = engine.allocate(positions * 4)
    const diagonal = engine.allocate(positions * 4)
    const { precise, scale } = conditioning
    this.#precise = precise && new Precise!(engine, kernel, precise, scale, width, positions)
    this.layout = { runs, kernel, width, panels, norms, diagonal, precise: this.#precise?.layout }
    this.#engine = engine
    this.#X = X
    this.#groups = groups
    this.#kernel = storeKernel(engine, kernel)
    this.#staging = engine.allocate(PANEL * width * 4)
    this.#conditioner = new Conditioner(engine, conditioning, width)
  }

  /** Packs all groups. @throws {SoftmarginError} `ABORTED` */
  async packAll(timeSlice: TimeSlice): Promise<PackedLayout> {
    for (const g of this.#groups.keys()) await this.pack(g, timeSlice)
    return this.layout
  }

  /** Packs group `number`. @throws {SoftmarginError} `ABORTED` */
  async pack(number: number, timeSlice: TimeSlice): Promise<void> {
    const engine = this.#engine
    const { runs, kernel, width, panels, norms, diagonal } = this.layout
    const { start, size } = runs[number]
    const group = this.#groups[number]
    const view = engine.float32(this.#staging, PANEL * width)
    for (let from = 0; from < group.length; from += PANEL) {
      const rows = Math.min(PANEL, group.length - from)
      for (let r = 0; r < rows; r++) view.set(this.#X.row(group[from + r]), r * width)
      this.#conditioner.apply(this.#staging, rows)
      engine.exports.packPanel(this.#staging, rows, width, panels + (start + from) * width * 4)
      if (timeSlice.expired) await timeSlice.yield()
    }
    await timeSlice.forEachChunk(size / PANEL, PANEL * width, (from, to) => {
      const at = start + from * PANEL
      engine.exports.selfProducts(panels + at * width * 4, (to - from) * PANEL, width, norms + at * 4)
    })
    if (this.#precise) {
      await this.#precise.pack(panels, diagonal, start, size, timeSlice)
      return
    }
    fillDiagonal(engine, this.#kernel, kernel.kind, this.layout, start, size)
  }
}

/**
 * Copies the layout of rows that are packed already, with another kernel for them.
 *
 * @throws {SoftmarginError} `OUT_OF_MEMORY`
 */
export function repacked(engine: Engine, layout: PackedLayout, kernel: Kernel): PackedLayout {
  const positions = positionsIn(layout.runs)
  const copy = { ...layout, kernel, diagonal: engine.allocate(positions * 4) }
  fillDiagonal(engine, storeKernel(engine, kernel), kernel.kind, copy, 0, positions)
  return copy
}

/** Computes K(x, x) of `size` positions from `start` on. @param kernel the address of the kernel */
function fillDiagonal(
  engine: Engine,
  kernel: number,
  kind: Kernel['kind'],
  { norms, diagonal }: Pick<PackedLayout, 'norms' | 'diagonal'>,
  start: number,
  size: number,
): void {
  const address = diagonal + start * 4
  engine.copy(address, norms + start * 4, size * 4)
  if (kind === 'rbf') engine.float32(address, size).fill(1)
  else engine.exports.applyKernel(kernel, address, 0, 1, size, 0, 0)
}

/** Scales and centres rows in the engine's memory. */
export class Conditioner {
  readonly #engine: Engine
  readonly #scale: number
  readonly #width: number
  /** Address of one f32 per column, multiplied by the scale; 0 for no centring. */
  readonly #centre: number

  constructor(engine: Engine, { centre, scale }: Conditioning, width: number) {
    this.#engine = engine
    this.#scale = scale
    this.#width = width
    this.#centre = centre ? engine.allocate(width * 4) : 0
    if (centre) engine.float32(this.#centre, width).set(centre.map((value) => value * scale))
  }

  /** Conditions `rows` row-major f32 rows at `address`, in place. */
  apply(address: number, rows: number): void {
    this.#engine.exports.condition(address, rows, this.#width, this.#centre, this.#scale)
  }
}

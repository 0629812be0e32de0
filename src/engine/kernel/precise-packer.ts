import type { Engine } from '../wasm/engine.ts'
import type { TimeSlice } from '../wasm/time-slice.ts'
import { type Kernel, type PreciseKernel, storeKernel } from './kernel.ts'
import type { PreciseLayout } from './packed-rows.ts'
import { PANEL } from './runs.ts'

/** Rows that the 8 rows of a panel occupy as whole strips, of 5 or 6 rows each. */
const STRIP_ROWS = 12

/** Computes h(x) and K(x, x) of packed rows for kernels that are evaluated in float64 (see `PreciseKernel`). */
export class PrecisePacker {
  readonly layout: PreciseLayout
  readonly #engine: Engine
  readonly #kernel: number
  readonly #width: number
  readonly #strips: number
  readonly #indexes: number
  /** Scratch: PANEL x PANEL f32, or one row of PANEL f64. */
  readonly #values: number
  /** The origin, scaled, address of room for its panel, and half of K(origin, origin), once that is known. */
  readonly #origin: { row: Float32Array; panel: number; half?: number } | undefined

  constructor(
    engine: Engine,
    kernel: Kernel,
    { lessOne, origin }: PreciseKernel,
    scale: number,
    width: number,
    positions: number,
  ) {
    this.#engine = engine
    this.#kernel = storeKernel(engine, kernel, lessOne)
    this.#width = width
    this.#strips = engine.allocate(STRIP_ROWS * width * 4)
    this.#indexes = engine.allocate(PANEL * 4)
    this.#values = engine.allocate(PANEL * PANEL * 8)
    this.layout = { lessOne, offsets: origin ? engine.allocate(positions * 8) : 0 }
    this.#origin = origin && {
      row: origin.map((value) => value * scale),
      panel: engine.allocate(PANEL * width * 4),
    }
  }

  /** Packs the origin, and computes half of K(origin, origin). */
  #packOrigin(row: Float32Array, panel: number): number {
    const engine = this.#engine
    engine.float32(this.#strips, row.length).set(row)
    engine.exports.packPanel(this.#strips, 1, row.length, panel)
    this.#gather(panel, 1)
    this.#make(1, panel, 0, 0, PANEL, this.#values, true)
    return engine.float64(this.#values, 1)[0] / 2
  }

  /** Computes h and the diagonal for `size` positions from `start` on. @throws {SoftmarginError} `ABORTED` */
  async pack(
    panels: number,
    diagonal: number,
    start: number,
    size: number,
    timeSlice: TimeSlice,
  ): Promise<void> {
    const engine = this.#engine
    const { offsets } = this.layout
    const origin = this.#origin
    if (origin) origin.half ??= this.#packOrigin(origin.row, origin.panel)
    await timeSlice.forEachChunk(size / PANEL, PANEL * PANEL * this.#width, (from, to) => {
      for (let at = start + from * PANEL; at < start + to * PANEL; at += PANEL) {
        const panel = panels + at * this.#width * 4
        if (origin) {
          this.#gather(origin.panel, 1)
          this.#make(1, panel, 0, 0, PANEL, offsets + at * 8, true)
          const h = engine.float64(offsets + at * 8, PANEL)
          for (let k = 0; k < PANEL; k++) h[k] -= origin.half!
        }
        this.#gather(panel, PANEL)
        const panelOffsets = offsets && offsets + at * 8
        this.#make(PANEL, panel, panelOffsets, panelOffsets, PANEL, this.#values, false)
        const values = engine.float32(this.#values, PANEL * PANEL)
        const out = engine.float32(diagonal + at * 4, PANEL)
        for (let k = 0; k < PANEL; k++) out[k] = values[k * PANEL + k]
      }
    })
  }

  /** Uses the first `rows` rows of a panel as the left operand. */
  #gather(panel: number, rows: number): void {
    const indexes = this.#engine.int32(this.#indexes, rows)
    for (let k = 0; k < rows; k++) indexes[k] = k
    this.#engine.exports.gatherStrips(panel, this.#indexes, rows, this.#width, this.#strips)
  }

  #make(
    rows: number,
    panel: number,
    rowOffsets: number,
    colOffsets: number,
    cols: number,
    out: number,
    wide: boolean,
  ): void {
    this.#engine.exports.preciseBlock(
      ...([this.#kernel, this.#strips, rowOffsets, rows, panel, colOffsets, cols] as const),
      ...([this.#width, out, PANEL * 4, wide] as const),
    )
  }
}

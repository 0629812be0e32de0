import { invalidArgument } from '../../core/errors.ts'
import { numbersOf } from '../graph/attributes.ts'
import { copyOfGraph, freeName } from '../graph/copy-graph.ts'
import { tensorsReadBy } from '../graph/graph.ts'
import { constant, node } from '../graph/nodes.ts'
import { operatorSetOf } from '../graph/operator-set.ts'
import { renameTensors, tensorNames } from '../graph/rename.ts'
import { create } from '../proto/message.ts'
import {
  TensorProto_DataType as DataType,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  type TensorProto,
  TensorProtoSchema,
} from '../proto/onnx.ts'

/** How an output is arranged: its rank, the axis of its channels, and for tokens their grid after the prefix tokens. */
export interface OutputArrangement {
  rank: number | undefined
  channelAxis?: number | undefined
  prefixTokens?: number | undefined
  patches?: { height: number; width: number } | undefined
}

/** The first opset whose Slice supports negative steps. */
const backwards = 10
/** The first opset whose Pad reads the amounts from an input. */
const padsAreInputs = 11

/** Which changed images outputs are averaged over, besides the image itself. */
export interface Views {
  /** The horizontal mirror image. */
  mirror: boolean
  /**
   * Four images that are shifted up, down, left and right by so many pixels; zeros are moved in, the mean of normalised
   * images. 0 for none.
   */
  shift: { down: number; right: number }
}

/** One of the changed images. */
interface View {
  /** What is appended to the names of its tensors and nodes. */
  suffix: string
  isMirrored: boolean
  down: number
  right: number
}

/**
 * Returns a model whose outputs are averaged over several views of each image. Maps of the mirror image are flipped back
 * before averaging, and so are the patch tokens of transformers; maps of shifted images, whose shifts are smaller than
 * most layers' pixels, stay where they are. The nodes are duplicated, the weights are shared, and the model itself is not
 * modified.
 *
 * @param model model with float32 input and outputs
 * @param input name of its image input: [N, C, H, W]
 * @param arrangementOf how an output is arranged
 * @throws {SoftmarginError} `INVALID_ARGUMENT` for an output that is neither a map, a vector nor a grid of tokens per
 *   image if there is a mirror image, and for an opset below 10, or 11 with shifts
 */
export function withViews(
  model: ModelProto,
  input: string,
  { mirror, shift }: Views,
  arrangementOf: (output: string) => OutputArrangement,
): ModelProto {
  const views: View[] = mirror ? [{ suffix: 'mirrored', isMirrored: true, down: 0, right: 0 }] : []
  if (shift.down > 0 || shift.right > 0) {
    const { down, right } = shift
    views.push(
      { suffix: 'up', isMirrored: false, down: -down, right: 0 },
      { suffix: 'down', isMirrored: false, down, right: 0 },
      { suffix: 'left', isMirrored: false, down: 0, right: -right },
      { suffix: 'right', isMirrored: false, down: 0, right },
    )
  }
  const graph = model.graph!
  checkOperatorSet(model, views)
  const names = tensorNames(graph)
  const isFromImage = new Set([input])
  const path: NodeProto[] = []
  for (const one of graph.node) {
    if (!tensorsReadBy(one).some((name) => isFromImage.has(name))) continue
    path.push(one)
    for (const name of one.output) if (name !== '') isFromImage.add(name)
  }
  const plain = new Map(graph.output.map(({ name }) => [name, freeName(`${name}_plain`, names)]))
  const copy = copyOfGraph(graph)
  renameTensors(copy, (name) => plain.get(name) ?? name)
  const constants: TensorProto[] = []
  const before: NodeProto[] = []
  const behind: NodeProto[] = []
  const sums = new Map(plain)
  for (const view of views) {
    const twins = new Map([...isFromImage].map((name) => [name, freeName(`${name}_${view.suffix}`, names)]))
    const twin = copyOfGraph({ ...graph, node: path, initializer: [], sparseInitializer: [] })
    renameTensors(twin, (name) => twins.get(name) ?? name)
    for (const one of twin.node) if (one.name !== '') one.name += `_${view.suffix}`
    const of = (what: string) => freeName(`${view.isMirrored ? 'mirror' : view.suffix}_${what}`, names)
    const changed = twins.get(input)!
    const flips = view.isMirrored ? new Flips(of, constants, arrangementOf) : undefined
    if (flips) before.push(flips.ofMap(input, changed))
    else before.push(...shiftOf(view, input, changed, of, constants))
    copy.node.push(...twin.node)
    for (const { name } of graph.output) {
      const [sum, back] = [of(`sum_of_${name}`), of(`back_of_${name}`)]
      const flip = flips?.back(name, twins.get(name)!, back)
      if (flip) behind.push(flip)
      behind.push(node(sum, 'Add', [sums.get(name)!, flip ? back : twins.get(name)!], [sum]))
      sums.set(name, sum)
    }
  }
  const share = freeName(views.length === 1 ? 'mirror_half' : 'share_of_a_view', names)
  constants.push(
    create(TensorProtoSchema, { name: share, dataType: DataType.FLOAT, floatData: [1 / (1 + views.length)] }),
  )
  for (const { name } of graph.output) {
    behind.push(node(freeName(`mirror_mean_of_${name}`, names), 'Mul', [sums.get(name)!, share], [name]))
  }
  copy.node = [...before, ...copy.node, ...behind]
  copy.initializer = [...copy.initializer, ...constants]
  copy.input = graph.input
  copy.output = graph.output
  return create(ModelProtoSchema, { ...model, graph: copy })
}

function checkOperatorSet(model: ModelProto, views: readonly View[]): void {
  const version = operatorSetOf(model)
  const option = views.some(({ isMirrored }) => !isMirrored) ? 'shift' : 'mirror'
  const needed = option === 'shift' ? padsAreInputs : backwards
  if (version >= needed) return
  const message = `the option ${option} needs a model of operator set ${needed} or newer, but this one has operator set ${version}`
  const expected = `left out for a model of operator set ${version}`
  throw invalidArgument(option, option === 'mirror' ? true : 'a number above 0', expected, message)
}

/** Shifts images by whole pixels: a crop at one side, and zeros at the other. */
function shiftOf(
  { down, right }: View,
  from: string,
  to: string,
  of: (what: string) => string,
  constants: TensorProto[],
): NodeProto[] {
  const [starts, ends, axes, pads, cropped] = ['starts', 'ends', 'axes', 'pads', 'cropped'].map(of)
  const list = (name: string, values: number[]) =>
    constants.push(constant(name, BigInt64Array.from(values, BigInt)))
  const [axis, by] = down === 0 ? [3, right] : [2, down]
  list(starts, [Math.max(0, -by)])
  list(ends, [by > 0 ? -by : 2 ** 31])
  list(axes, [axis])
  const amounts = new Array<number>(8).fill(0)
  amounts[by > 0 ? axis : axis + 4] = Math.abs(by)
  list(pads, amounts)
  return [
    node(cropped, 'Slice', [from, starts, ends, axes], [cropped]),
    node(to, 'Pad', [cropped, pads], [to]),
  ]
}

/** The nodes that flip images, and outputs of mirror images back. */
class Flips {
  readonly #of: (what: string) => string
  readonly #constants: TensorProto[]
  readonly #arrangementOf: (output: string) => OutputArrangement
  readonly #names: { starts: string; ends: string; axes: string; steps: string }

  constructor(
    of: (what: string) => string,
    constants: TensorProto[],
    arrangementOf: (output: string) => OutputArrangement,
  ) {
    this.#of = of
    this.#constants = constants
    this.#arrangementOf = arrangementOf
    this.#names = { starts: of('starts'), ends: of('ends'), axes: of('axes'), steps: of('steps') }
    const { starts, ends, axes, steps } = this.#names
    // A slice from the last column back to the first.
    constants.push(integer(starts, -1n), integer(ends, -(2n ** 31n)), integer(axes, 3n), integer(steps, -1n))
  }

  /** Flips maps with their channels first. */
  ofMap(from: string, to: string, axis = this.#names.axes): NodeProto {
    const { starts, ends, steps } = this.#names
    return node(to, 'Slice', [from, starts, ends, axis, steps], [to])
  }

  /** The node that flips an output of the mirror image back; `undefined` for a vector. */
  back(name: string, from: string, to: string): NodeProto | undefined {
    const { rank, channelAxis, ...tokens } = this.#arrangementOf(name)
    if (rank === 2) return undefined
    if (rank === 4 && channelAxis !== 3) return this.ofMap(from, to)
    const list = this.#of(`order_of_${name}`)
    if (rank === 4) {
      this.#constants.push(integer(list, 2n))
      return this.ofMap(from, to, list)
    }
    const order = rank === 3 ? mirroredTokens(tokens) : undefined
    if (order) {
      this.#constants.push(constant(list, order))
      return node(to, 'Gather', [from, list], [to], { axis: channelAxis === 1 ? 2n : 1n })
    }
    const what = rank === undefined ? 'of unknown dimensions' : `of ${rank} dimensions`
    const needed = 'a layer of feature maps, of a grid of tokens or of one row for each image'
    const message = `mirror: true needs ${needed}, but '${name}' is ${what}`
    throw invalidArgument('mirror', true, `false for the layer '${name}'`, message)
  }
}

function integer(name: string, value: bigint): TensorProto {
  return constant(name, BigInt64Array.of(value))
}

/** The views that a model averages over as those of `withViews` do: nodes reverse or shift an input. */
export function viewsOf(model: ModelProto): Views {
  const graph = model.graph!
  const inputs = new Set(graph.input.map(({ name }) => name))
  const values = (name: string | undefined) => {
    const tensor = graph.initializer.find((one) => one.name === name)
    return (tensor && numbersOf(tensor))?.join()
  }
  const padded = new Set(graph.node.flatMap(({ opType, input }) => (opType === 'Pad' ? input[0] : [])))
  const views: Views = { mirror: false, shift: { down: 0, right: 0 } }
  for (const { opType, input, output } of graph.node) {
    const [from, starts, , axes, steps] = input
    if (opType !== 'Slice' || !inputs.has(from)) continue
    const axis = values(axes)
    if (axis === '3' && values(steps) === '-1') views.mirror = true
    const start = Number(values(starts) ?? 0)
    if (!padded.has(output[0]) || !(start > 0)) continue
    if (axis === '2') views.shift.down = start
    if (axis === '3') views.shift.right = start
  }
  return views
}

/** For each token of an image, the index of the mirror image's token that shows the same part. */
function mirroredTokens({
  prefixTokens = 0,
  patches,
}: Omit<OutputArrangement, 'rank'>): BigInt64Array | undefined {
  if (!patches) return undefined
  const { height, width } = patches
  return BigInt64Array.from({ length: prefixTokens + height * width }, (_, token) => {
    const patch = token - prefixTokens
    if (patch < 0) return BigInt(token)
    const column = patch % width
    return BigInt(token - column + (width - 1 - column))
  })
}

import { show } from '../../../core/errors.ts'
import { NotForEngine } from '../lowering/not-for-engine.ts'
import { type Activation, ActivationKind, type MapValue } from '../lowering/operations.ts'
import { areaOf, type CustomOperation, epilogueAddress } from '../planning/step.ts'
import { everyPixel } from '../planning/tables.ts'

/** Activations whose derivative follows from what they make. */
const fromResult = new Set<number>([
  ActivationKind.none,
  ActivationKind.leakyRelu,
  ActivationKind.affine,
  ActivationKind.hardSigmoid,
  ActivationKind.sigmoid,
  ActivationKind.tanh,
  ActivationKind.exp,
  ActivationKind.sqrt,
])

/** Activations whose derivative follows from what they read. */
const fromInput = new Set<number>([
  ActivationKind.swish,
  ActivationKind.hardSwish,
  ActivationKind.gelu,
  ActivationKind.geluTanh,
  ActivationKind.erf,
])

/** Whether the gradient of an activation follows from what it makes. */
export function isFromResult({ kind, low, high, a }: Activation): boolean {
  const clamps = low !== -Infinity || high !== Infinity
  // A slope below 0 loses the sign.
  if (kind === ActivationKind.leakyRelu && a <= 0) return false
  return fromResult.has(kind) && !(clamps && kind !== ActivationKind.none)
}

/**
 * The gradient of the map that an activation read.
 *
 * @param x what the activation read, or `undefined` if it is fused into the operation that made it
 * @param y what it made
 * @param dy the gradient of what it made
 * @throws {NotForEngine} for activations that have no rule
 */
export function activationGradient(
  name: string,
  activation: Activation,
  x: MapValue | undefined,
  y: MapValue,
  dy: MapValue,
): CustomOperation & { output: MapValue } {
  const isKnown = isFromResult(activation) || (fromInput.has(activation.kind) && x !== undefined)
  if (!isKnown) throw new NotForEngine(`the activation ${show(name)} has no gradient`)
  const z = fromInput.has(activation.kind) ? x! : y
  const output: MapValue = { shape: y.shape }
  return {
    type: 'custom',
    name: `gradient of ${name}`,
    reads: [z, dy],
    output,
    addSteps: (context) => {
      const { map, tables, push } = context
      const [from, gradient, out] = [map(z), map(dy), map(output)]
      const [zTable, dyTable, outTable] = [from, gradient, out].map(({ layout }) =>
        tables.pixels(layout, everyPixel(layout.shape)),
      )
      const epilogue = epilogueAddress(context, activation)
      const area = areaOf(output.shape)
      push({
        name: `gradient of ${name}`,
        kernel: 'activationGradient',
        run: (kernels, pictures) =>
          kernels.activationGradient(
            from.buffer.address,
            zTable,
            gradient.buffer.address,
            dyTable,
            pictures * area,
            output.shape.channels,
            out.buffer.address,
            outTable,
            epilogue,
          ),
      })
    },
  }
}

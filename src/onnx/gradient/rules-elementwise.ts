import { TensorProto_DataType as DataType } from '../proto/onnx.ts'
import type { Rules } from './rule.ts'

/** Operators that compute every number of the result from one number of each input. */
export const elementwise: Rules = {
  Add: (_, { dy }) => [dy, dy],
  Sub: (g, { dy }) => [dy, g.emit('Neg', [dy])],
  Mul: (g, { dy, node: { input } }) => [g.mul(dy, input[1]), g.mul(dy, input[0])],
  Div: (g, { dy, y, node: { input } }) => {
    const dx = g.div(dy, input[1])
    return [dx, g.emit('Neg', [g.mul(dx, y)])]
  },
  Neg: (g, { dy }) => [g.emit('Neg', [dy])],
  Abs: (g, { dy, x }) => [g.mul(dy, g.emit('Sign', [x]))],
  Reciprocal: (g, { dy, y }) => [g.emit('Neg', [g.mul(dy, g.mul(y, y))])],
  Sqrt: (g, { dy, y }) => [g.mul(g.div(dy, y), 0.5)],
  Exp: (g, { dy, y }) => [g.mul(dy, y)],
  Log: (g, { dy, x }) => [g.div(dy, x)],
  Pow: (g, { dy, x, y, node: { input } }) => {
    const exponent = input[1]
    const dx =
      String(g.values(exponent)) === '2'
        ? g.mul(x, 2)
        : g.mul(exponent, g.emit('Pow', [x, g.sub(exponent, 1)]))
    // 0^p does not change with a positive p.
    const isPositive = g.greater(x, 0)
    const log = g.emit('Log', [g.where(isPositive, x, 1)])
    return [g.mul(dy, dx), g.mul(dy, g.mul(y, log))]
  },

  Relu: (g, { dy, y }) => [g.mask(g.greater(y, 0), dy)],
  LeakyRelu: (g, op) => [g.where(g.greater(op.x, 0), op.dy, g.mul(op.dy, op.float('alpha', 0.01)))],
  PRelu: (g, { dy, x, node: { input } }) => {
    const isPositive = g.greater(x, 0)
    return [g.where(isPositive, dy, g.mul(dy, input[1])), g.where(isPositive, 0, g.mul(dy, x))]
  },
  Elu: (g, op) => [g.where(g.greater(op.x, 0), op.dy, g.mul(op.dy, g.add(op.y, op.float('alpha', 1))))],
  // At a bound itself the gradient passes, as in PyTorch.
  Clip: (g, op) => {
    const { dy, x } = op
    const [low, high] = [op.input(1), op.input(2)]
    const outside = [
      ...(low === undefined ? [] : [g.less(x, low)]),
      ...(high === undefined ? [] : [g.greater(x, high)]),
    ]
    if (outside.length === 0) return [dy]
    const either = outside.length === 1 ? outside[0] : g.emit('Or', outside)
    return [g.mask(g.emit('Not', [either]), dy)]
  },
  Sigmoid: (g, { dy, y }) => [g.mul(dy, g.mul(y, g.sub(1, y)))],
  HardSigmoid: (g, op) => {
    const isInside = g.emit('And', [g.greater(op.y, 0), g.less(op.y, 1)])
    return [g.mask(isInside, g.mul(op.dy, op.float('alpha', Math.fround(0.2))))]
  },
  // y = x max(0, min(1, x / 6 + 1/2))
  HardSwish: (g, { dy, x }) => {
    const inside = g.mul(dy, g.add(g.mul(x, 1 / 3), 0.5))
    return [g.where(g.greater(x, 3), dy, g.mask(g.greater(x, -3), inside))]
  },
  Tanh: (g, { dy, y }) => [g.mul(dy, g.sub(1, g.mul(y, y)))],
  Erf: (g, { dy, x }) => [
    g.mul(dy, g.mul(g.emit('Exp', [g.emit('Neg', [g.mul(x, x)])]), 2 / Math.sqrt(Math.PI))),
  ],
  Softplus: (g, { dy, x }) => [g.mul(dy, g.emit('Sigmoid', [x]))],
  Gelu: (g, op) => {
    const { x, dy } = op
    const square = g.mul(x, x)
    if (op.text('approximate', 'none') === 'tanh') {
      // y = x (1 + tanh(u)) / 2 with u = c (x + 0.044715 x^3)
      const c = Math.sqrt(2 / Math.PI)
      const u = g.mul(g.mul(x, g.add(g.mul(square, 0.044715), 1)), c)
      const t = g.emit('Tanh', [u])
      const du = g.mul(g.add(g.mul(square, 3 * 0.044715), 1), c)
      const slope = g.mul(g.mul(x, g.sub(1, g.mul(t, t))), du)
      return [g.mul(dy, g.mul(g.add(g.add(t, 1), slope), 0.5))]
    }
    // y = x Phi(x), with the normal distribution Phi and its density
    const phi = g.mul(g.add(g.emit('Erf', [g.mul(x, Math.SQRT1_2)]), 1), 0.5)
    const density = g.mul(g.emit('Exp', [g.mul(square, -0.5)]), 1 / Math.sqrt(2 * Math.PI))
    return [g.mul(dy, g.add(phi, g.mul(x, density)))]
  },

  Where: (g, { dy, node: { input } }) => [undefined, g.where(input[0], dy, 0), g.where(input[0], 0, dy)],
  Identity: (_, { dy }) => [dy],
  // Networks are trained as they infer: nothing is dropped.
  Dropout: (_, { dy }) => [dy],
  Cast: (g, { dy, x }) => {
    const type = g.type(x) ?? DataType.FLOAT
    return [type === g.type(dy) ? dy : g.emit('Cast', [dy], { to: BigInt(type) })]
  },
}

import type { GraphBuilder, Tensor } from './graph-builder.ts'
import type { Rules } from './rule.ts'

/** Products of matrices. */
export const products: Rules = {
  MatMul: (g, { dy, node: { input } }) => {
    const [a, b] = input
    // A vector stands for a row on the left and for a column on the right.
    const [aDims, bDims] = [g.dims(a), g.dims(b)]
    const left = aDims.length === 1 ? g.reshape(a, [1, aDims[0]]) : a
    const right = bDims.length === 1 ? g.reshape(b, [bDims[0], 1]) : b
    const lead = g.dims(dy).slice(0, g.rank(dy) - (aDims.length > 1 ? 1 : 0) - (bDims.length > 1 ? 1 : 0))
    const out = g.reshape(dy, [...lead, g.dims(left).at(-2)!, g.dims(right).at(-1)!])
    const da = g.matMul(out, turned(g, right))
    return [
      aDims.length === 1 ? g.sumToShape(da, [1, aDims[0]]) : da,
      bDims.length === 1
        ? g.sumToShape(rightGradient(g, left, right, out), [bDims[0], 1])
        : rightGradient(g, left, right, out),
    ].map((gradient, i) => {
      const dims = [aDims, bDims][i]
      return dims.length === 1 ? g.reshape(gradient, dims) : gradient
    })
  },
  /** y = alpha a b + beta c, where a and b may be transposed. */
  Gemm: (g, op) => {
    const { dy } = op
    const [a, b] = op.node.input
    const [transA, transB] = [op.integer('transA', 0) === 1, op.integer('transB', 0) === 1]
    const [alpha, beta] = [op.float('alpha', 1), op.float('beta', 1)]
    const times = (x: Tensor, factor: number) => (factor === 1 ? x : g.mul(x, factor))
    const gemm = (left: Tensor, right: Tensor, turnLeft: boolean, turnRight: boolean) =>
      times(g.emit('Gemm', [left, right], { transA: BigInt(turnLeft), transB: BigInt(turnRight) }), alpha)
    return [
      transA ? gemm(b, dy, transB, true) : gemm(dy, b, false, !transB),
      transB ? gemm(dy, a, true, transA) : gemm(a, dy, !transA, false),
      times(dy, beta),
    ]
  },
}

/** Swaps the last two axes. */
function turned(g: GraphBuilder, x: Tensor): Tensor {
  const axes = [...g.dims(x).keys()]
  return g.transpose(x, [...axes.slice(0, -2), axes.at(-1)!, axes.at(-2)!])
}

/** If the batch shares the right factor, one product of all rows instead of a product for each element and their sum. */
function rightGradient(g: GraphBuilder, left: Tensor, right: Tensor, dy: Tensor): Tensor {
  if (g.rank(right) > 2) return g.matMul(turned(g, left), dy)
  const flat = (x: Tensor) =>
    g.reshape(x, [
      g
        .dims(x)
        .slice(0, -1)
        .reduce((all, n) => all * n, 1),
      g.dims(x).at(-1)!,
    ])
  return g.matMul(turned(g, flat(left)), flat(dy))
}

import type { GraphBuilder, Tensor } from './graph-builder.ts'
import type { Operation, Rules } from './rule.ts'

/** Normalisations. Statistics of BatchNormalization are those of the file and stay as they are. */
export const normalisations: Rules = {
  BatchNormalization: (g, op) => {
    const { x, dy } = op
    const [, scale, , mean, variance] = op.node.input
    const axes = [...g.dims(x).keys()]
    const wide = (channels: Tensor) => perChannel(g, channels, axes.length)
    const inverse = wide(inverseRoot(g, variance, op.float('epsilon', Math.fround(1e-5))))
    const normal = g.mul(g.sub(x, wide(mean)), inverse)
    return [g.mul(dy, g.mul(inverse, wide(scale))), channelSum(g, g.mul(dy, normal)), channelSum(g, dy)]
  },
  LayerNormalization: (g, op) => {
    const { x, dy } = op
    const scale = op.node.input[1]
    const axes = [...g.dims(x).keys()].slice(op.axis(-1))
    const { normal, inverse } = normalised(g, op, x, axes)
    return [normalisedGradient(g, g.mul(dy, scale), normal, inverse, axes), g.mul(dy, normal), dy]
  },
  InstanceNormalization: (g, op) => {
    const { x, dy } = op
    const axes = [...g.dims(x).keys()]
    const { normal, inverse } = normalised(g, op, x, axes.slice(2))
    const scale = perChannel(g, op.node.input[1], axes.length)
    return [
      normalisedGradient(g, g.mul(dy, scale), normal, inverse, axes.slice(2)),
      channelSum(g, g.mul(dy, normal)),
      channelSum(g, dy),
    ]
  },
  GroupNormalization: (g, op) => {
    const { x, dy } = op
    const dims = g.dims(x)
    const groups = op.integer('num_groups', 1)
    const split = [dims[0], groups, dims[1] / groups, ...dims.slice(2)]
    const axes = [...split.keys()].slice(2)
    // Since operator set 21 there is one scale for each channel; before, for each group.
    const perGroup = g.opset < 21
    const scale = g.reshape(op.node.input[1], [
      1,
      groups,
      perGroup ? 1 : split[2],
      ...dims.slice(2).map(() => 1),
    ])
    const { normal, inverse } = normalised(g, op, g.reshape(x, split), axes)
    const dySplit = g.reshape(dy, split)
    const dx = normalisedGradient(g, g.mul(dySplit, scale), normal, inverse, axes)
    const sums = (values: Tensor) =>
      g.reshape(g.sum(values, [0, ...axes.slice(perGroup ? 0 : 1)]), g.dims(op.node.input[1]))
    return [g.reshape(dx, dims), sums(g.mul(dySplit, normal)), sums(dySplit)]
  },
}

function inverseRoot(g: GraphBuilder, variance: Tensor, epsilon: number): Tensor {
  return g.emit('Reciprocal', [g.emit('Sqrt', [g.add(variance, epsilon)])])
}

/** Values for channels, [C], in the sizes that broadcast over [N, C, ...]. */
function perChannel(g: GraphBuilder, channels: Tensor, rank: number): Tensor {
  return g.reshape(channels, [1, g.dims(channels)[0], ...Array(rank - 2).fill(1)])
}

function channelSum(g: GraphBuilder, values: Tensor): Tensor {
  const dims = g.dims(values)
  return g.reshape(
    g.sum(
      values,
      [...dims.keys()].filter((i) => i !== 1),
    ),
    [dims[1]],
  )
}

/** x with mean 0 and variance 1 along the axes, and the factor by which x minus its mean was multiplied. */
function normalised(g: GraphBuilder, op: Operation, x: Tensor, axes: number[]) {
  const centred = g.sub(x, g.mean(x, axes))
  const variance = g.mean(g.mul(centred, centred), axes)
  const inverse = inverseRoot(g, variance, op.float('epsilon', Math.fround(1e-5)))
  return { normal: g.mul(centred, inverse), inverse }
}

/** The gradient of the normalised tensor, from that of the result: without its mean and its projection on the result. */
function normalisedGradient(
  g: GraphBuilder,
  d: Tensor,
  normal: Tensor,
  inverse: Tensor,
  axes: number[],
): Tensor {
  const along = g.mul(normal, g.mean(g.mul(d, normal), axes))
  return g.mul(inverse, g.sub(g.sub(d, g.mean(d, axes)), along))
}

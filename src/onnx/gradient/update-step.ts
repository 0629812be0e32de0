import { create } from '../proto/message.ts'
import { type ModelProto, ModelProtoSchema } from '../proto/onnx.ts'
import { GraphBuilder, type Operand, type Tensor } from './graph-builder.ts'

/** Settings of the update. */
export interface UpdateOptions {
  optimizer: 'sgd' | 'adamw'
  /** Momentum of SGD, or the first beta of AdamW. */
  momentum: number
  weightDecay: number
  /** The second beta and epsilon of AdamW. */
  beta2: number
  epsilon: number
  /** Norm that the gradients are scaled down to. */
  maxNorm: number
}

/** A tensor that each update replaces: the names of the graph's input and output. */
export interface Replaced {
  input: Tensor
  output: Tensor
}

/** The names of a parameter's tensors. */
export interface UpdatedParameter {
  gradient: Tensor
  weight: Replaced
  /** The moving average of the weight. */
  average: Replaced
  /** The moment estimates, which start at zero: one for SGD, two for AdamW. */
  moments: Replaced[]
}

/** An update of weights as one model, as `Optimizer` and `WeightAverage` compute it, but in float32 throughout. */
export interface UpdateStep {
  model: ModelProto
  /** In the order of the parameters. */
  parameters: UpdatedParameter[]
  /** Names of the inputs of one number each. */
  numbers: {
    /** What the gradients are multiplied by. */
    factor: Tensor
    rate: Tensor
    /** Share of the new weights in their average. */
    share: Tensor
    /** 1 / (1 - a power of beta) for the two moments of AdamW; absent for SGD. */
    corrections?: [Tensor, Tensor]
  }
  /** Name of the output for the norm of the gradients, times `factor`, before they are scaled down. */
  norm: Tensor
}

const OPSET = 17n

function emptyGraph(name: string): GraphBuilder {
  const opsetImport = [{ domain: '', version: OPSET }]
  return new GraphBuilder(create(ModelProtoSchema, { irVersion: 8n, opsetImport, graph: { name } }), {})
}

/** Makes the update of parameters. @param parameters their sizes, and the factors of their learning rates */
export function updateStep(
  parameters: readonly { dims: number[]; learningRateFactor: number }[],
  o: UpdateOptions,
): UpdateStep {
  const g = emptyGraph('update')
  const number = (name: string) => g.input(name, [1])
  const [factor, rate, share] = [number('factor'), number('rate'), number('share')]
  const corrections: [Tensor, Tensor] = [number('correction1'), number('correction2')]

  const gradients = parameters.map(({ dims }, i) => g.input(`gradient_${i}`, dims))
  const scaled = gradients.map((gradient) => g.mul(gradient, factor))
  const squares = scaled.map((one) => {
    const flat = g.reshape(one, [g.dims(one).reduce((all, n) => all * n, 1)])
    return g.sum(g.mul(flat, flat), [0])
  })
  const norm = g.emit('Sqrt', [squares.reduce((sum, one) => g.add(sum, one))])
  const clip = g.where(g.greater(norm, o.maxNorm), g.div(o.maxNorm, norm), 1)
  const rates = new Map<number, Tensor>()
  const rateOf = (times: number) => {
    if (!rates.has(times)) rates.set(times, g.mul(rate, times))
    return rates.get(times)!
  }
  const blend = (old: Tensor, keep: number, added: Operand) => g.add(g.mul(old, keep), added)

  const updated = parameters.map(({ dims, learningRateFactor }, i): UpdatedParameter => {
    const weight = g.input(`weight_${i}`, dims)
    const average = g.input(`average_${i}`, dims)
    const ownRate = rateOf(learningRateFactor)
    const gradient = g.mul(scaled[i], clip)
    const first = g.input(`moment_${i}`, dims)
    const moments: Replaced[] = []
    let change: Tensor
    if (o.optimizer === 'sgd') {
      const decayed = g.add(gradient, g.mul(weight, o.weightDecay))
      const moving = blend(first, o.momentum, decayed)
      moments.push({ input: first, output: moving })
      change = g.mul(g.add(decayed, g.mul(moving, o.momentum)), ownRate)
    } else {
      const second = g.input(`square_${i}`, dims)
      const mean = blend(first, o.momentum, g.mul(gradient, 1 - o.momentum))
      const square = blend(second, o.beta2, g.mul(g.mul(gradient, gradient), 1 - o.beta2))
      moments.push({ input: first, output: mean }, { input: second, output: square })
      const scale = g.add(g.emit('Sqrt', [g.mul(square, corrections[1])]), o.epsilon)
      const step = g.div(g.mul(mean, corrections[0]), scale)
      change = g.mul(g.add(g.mul(weight, o.weightDecay), step), ownRate)
    }
    const next = g.sub(weight, change)
    const nextAverage = g.add(average, g.mul(g.sub(next, average), share))
    return {
      gradient: gradients[i],
      weight: { input: weight, output: next },
      average: { input: average, output: nextAverage },
      moments,
    }
  })
  const outputs = updated.flatMap(({ weight, average, moments }) => [weight, average, ...moments])
  const model = g.build([norm, ...outputs.map(({ output }) => output)], [])
  const numbers = { factor, rate, share, ...(o.optimizer === 'adamw' && { corrections }) }
  return { model, parameters: updated, numbers, norm }
}

/** A model that adds two tensors of each of some sizes. */
export function addition(sizes: readonly number[][]) {
  const g = emptyGraph('addition')
  const sums = sizes.map((dims, i) => {
    const terms = [g.input(`a_${i}`, dims), g.input(`b_${i}`, dims)] as const
    return { terms, sum: g.add(...terms) }
  })
  return {
    model: g.build(
      sums.map(({ sum }) => sum),
      [],
    ),
    sums,
  }
}

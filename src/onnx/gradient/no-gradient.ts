/** Why the gradient cannot pass a node; see `differentiate`. */
export class NoGradient extends Error {
  override readonly name = 'NoGradient'
}

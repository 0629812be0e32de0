import { invalidArgument } from '../core/errors.ts'

/** The standard normal quantile of a two-sided confidence of 95 %. */
const Z = 1.959963984540054

/**
 * The 95 % confidence interval of a proportion (E. B. Wilson, "Probable inference, the law of succession, and statistical
 * inference", JASA 22, 1927): for an accuracy, the range in which it may lie on all pictures of the kind that was judged.
 *
 * @param right number of rows that were labelled correctly, 0 to `total`
 * @param total number of rows, 1 or more
 * @returns the lower and the upper end, each from 0 to 1
 * @throws {SoftmarginError} `INVALID_ARGUMENT`
 */
export function wilsonInterval(right: number, total: number): [low: number, high: number] {
  if (!Number.isSafeInteger(total) || total < 1)
    throw invalidArgument('total', total, 'an integer of 1 or more')
  if (!Number.isSafeInteger(right) || right < 0 || right > total) {
    throw invalidArgument('right', right, `an integer from 0 to ${total}`)
  }
  const share = right / total
  const square = (Z * Z) / total
  const centre = share + square / 2
  const spread = Z * Math.sqrt((share * (1 - share) + square / 4) / total)
  const low = right === 0 ? 0 : (centre - spread) / (1 + square)
  const high = right === total ? 1 : (centre + spread) / (1 + square)
  return [low, high]
}

import { invalidArgument } from '../core/errors.ts'
import type { Matrix } from '../core/matrix.ts'
import { type FeatureScaler, type Scale, standard, withoutNumbers } from './feature-scaler.ts'
import { StandardScaler } from './standard-scaler.ts'

/** @throws {SoftmarginError} `INVALID_ARGUMENT` for an unknown kind of scaling */
export function checkScale(scale: Scale): void {
  if (scale !== 'standard' && scale !== 'l2' && scale !== 'none') {
    throw invalidArgument('scale', scale, "'standard', 'l2' or 'none'")
  }
}

/** Fits a scaler to features. */
export async function fitFeatureScaler(kind: Scale, features: Matrix): Promise<FeatureScaler> {
  return kind === 'standard' ? standard(await new StandardScaler().fit(features)) : withoutNumbers(kind)
}

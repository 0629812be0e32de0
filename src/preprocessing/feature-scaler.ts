import { invalidArgument } from '../core/errors.ts'
import type { Matrix } from '../core/matrix.ts'
import { Normalizer } from './normalizer.ts'
import { StandardScaler } from './standard-scaler.ts'

/** How features are scaled before the SVM: zero mean and unit variance, unit L2 norm, or not at all. */
export type Scale = 'standard' | 'l2' | 'none'

/** The numbers of a fitted feature scaler. */
export type ScalerNumbers =
  | { kind: 'standard'; mean: Float64Array; scale: Float64Array }
  | { kind: 'l2' }
  | { kind: 'none' }

/** A fitted feature scaler, with one interface for all three kinds of scaling. */
export interface FeatureScaler {
  readonly kind: Scale
  transform(features: Matrix): Promise<Matrix>
  /** The fitted parameters in the form that a saved file holds. */
  toFile(): ScalerNumbers
}

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

/** Restores a scaler from a saved file. */
export function featureScalerFromFile(stored: ScalerNumbers): FeatureScaler {
  return stored.kind === 'standard' ? standard(StandardScaler.from(stored)) : withoutNumbers(stored.kind)
}

function standard(scaler: StandardScaler): FeatureScaler {
  return {
    kind: 'standard',
    transform: (features) => scaler.transform(features),
    toFile: () => ({ kind: 'standard', mean: scaler.mean, scale: scaler.scale }),
  }
}

function withoutNumbers(kind: 'l2' | 'none'): FeatureScaler {
  const normalizer = new Normalizer()
  return {
    kind,
    transform: async (features) => (kind === 'l2' ? normalizer.transform(features) : features),
    toFile: () => ({ kind }),
  }
}

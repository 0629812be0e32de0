import type { Matrix } from '../core/matrix.ts'
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

/** Restores a scaler from a saved file. */
export function featureScalerFromFile(stored: ScalerNumbers): FeatureScaler {
  return stored.kind === 'standard' ? standard(StandardScaler.from(stored)) : withoutNumbers(stored.kind)
}

/** The scaling to mean 0 and variance 1. */
export function standard(scaler: StandardScaler): FeatureScaler {
  return {
    kind: 'standard',
    transform: (features) => scaler.transform(features),
    toFile: () => ({ kind: 'standard', mean: scaler.mean, scale: scaler.scale }),
  }
}

/** A scaling that has no fitted numbers. */
export function withoutNumbers(kind: 'l2' | 'none'): FeatureScaler {
  return {
    kind,
    transform: async (features) => {
      if (kind === 'none') return features
      const { Normalizer } = await import('./normalizer.ts')
      return new Normalizer().transform(features)
    },
    toFile: () => ({ kind }),
  }
}

import { invalidArgument } from '../core/errors.ts'
import type { Matrix } from '../core/matrix.ts'
import type { FileScaler } from '../onnx/classifier/graph-steps.ts'
import { Normalizer } from '../preprocessing/normalizer.ts'
import { StandardScaler } from '../preprocessing/standard-scaler.ts'

/** What is done to features before the SVM sees them. */
export type Scale = 'standard' | 'l2' | 'none'

/** The scaler of a classifier: one of three, under one name. */
export interface FeatureScaler {
  readonly kind: Scale
  transform(features: Matrix): Promise<Matrix>
  /** Its numbers, as a saved file holds them. */
  toFile(): FileScaler
}

/** @throws {SoftmarginError} `INVALID_ARGUMENT` for an unknown name */
export function checkScale(scale: Scale): void {
  if (scale !== 'standard' && scale !== 'l2' && scale !== 'none') {
    throw invalidArgument('scale', scale, "'standard', 'l2' or 'none'")
  }
}

/** A scaler that has learnt from these features. */
export async function fitFeatureScaler(kind: Scale, features: Matrix): Promise<FeatureScaler> {
  return kind === 'standard' ? standard(await new StandardScaler().fit(features)) : withoutNumbers(kind)
}

/** The scaler that a file holds. */
export function featureScalerFromFile(stored: FileScaler): FeatureScaler {
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

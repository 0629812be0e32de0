/**
 * A preprocessing step that a model read from a file applies to each row before the SVM. Computed in float32, like
 * the ONNX operator of the same name.
 */
export type InputStep =
  /** `(x - offset) * scale`, with one number per column. */
  | { kind: 'scaler'; offset: Float32Array; scale: Float32Array }
  /** Divides each row by its norm. */
  | { kind: 'normalizer'; norm: 'l1' | 'l2' | 'max' }

/**
 * Thrown if the engine cannot run a network. This is not a defect of the model, which may still run in ONNX
 * Runtime.
 */
export class NotForEngine extends Error {
  override readonly name = 'NotForEngine'
}

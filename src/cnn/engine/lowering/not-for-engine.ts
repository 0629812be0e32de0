/** Why a network cannot run in our own engine. It is no fault: the network then runs in ONNX Runtime. */
export class NotForEngine extends Error {
  override readonly name = 'NotForEngine'
}

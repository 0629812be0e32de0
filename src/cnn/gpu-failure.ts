/** A run on the GPU that failed. The tensors that were kept there may be lost. */
export class GpuFailure extends Error {}

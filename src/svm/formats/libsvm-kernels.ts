/** LIBSVM's names of kernels. */
export const kernelNames = { linear: 'linear', poly: 'polynomial', rbf: 'rbf', sigmoid: 'sigmoid' } as const

/** The kernel parameters that LIBSVM writes for each kernel. */
export const kernelNumbers = {
  linear: [],
  poly: ['degree', 'gamma', 'coef0'],
  rbf: ['gamma'],
  sigmoid: ['gamma', 'coef0'],
} as const

/**
 * Where gamma |x - s|^2 is above this for every s, the kernel nears the end of float32, and a row is decided in
 * float64.
 */
export const FAR = 40
/** exp(-FAR), rounded down: a row whose largest kernel value is smaller is far. */
export const FAR_VALUE = 4e-18

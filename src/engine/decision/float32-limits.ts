/** If float32 rounding may change decision values by more than this (the margin is 1), float64 is used. */
export const MAX_FLOAT32_ERROR = 2 ** -7
/** Unit roundoff of float32. */
export const UNIT_ROUNDOFF = 2 ** -24

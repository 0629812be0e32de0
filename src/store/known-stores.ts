/**
 * All feature stores. A classifier checks here whether it was given one, so that programs that only predict do not load
 * the store and its file formats.
 */
export const knownStores = new WeakSet<object>()

/** Whether this is a `FeatureStore`. */
export function isFeatureStore(value: unknown): boolean {
  return typeof value === 'object' && value !== null && knownStores.has(value)
}

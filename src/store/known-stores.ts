/**
 * Every feature store. A classifier asks here whether it was given one, so that who only predicts does not load stores and
 * the file formats that they need.
 */
export const knownStores = new WeakSet<object>()

/** Whether this is a `FeatureStore`. */
export function isFeatureStore(value: unknown): boolean {
  return typeof value === 'object' && value !== null && knownStores.has(value)
}

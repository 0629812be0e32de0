/**
 * Version of the engine's arithmetic. It counts up with every change that alters bits of features, so that a feature store
 * does not mix rows from before and after it.
 */
export const ENGINE_VERSION = 5

/** Version of the metadata JSON in the file. Readers reject versions newer than they support. */
export const schemaVersion = 2

/** Key of softmargin's JSON in a file's `metadata_props`. */
export const metadataKey = 'softmargin'

/** Prefix of the names of everything added to the CNN, so that reading can remove it again. */
export const ownPrefix = 'softmargin/'

/** Names of the file's input and outputs. */
export const ioNames = {
  image: 'pixel_values',
  label: 'label',
  scores: 'scores',
  probabilities: 'probabilities',
  features: 'features',
  known: 'known',
} as const

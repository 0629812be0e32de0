/** The layout of the JSON in the file. A reader refuses what is newer than it knows. */
export const schemaVersion = 1

/** The key of our JSON among a file's `metadata_props`. */
export const metadataKey = 'softmargin'

/** What we add to the CNN carries this before its name, so that reading can take it away again. */
export const ownPrefix = 'softmargin/'

/** The names a user of the file sees. */
export const ports = {
  image: 'pixel_values',
  label: 'label',
  scores: 'scores',
  probabilities: 'probabilities',
  features: 'features',
} as const

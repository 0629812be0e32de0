// node bench/views.js FOLDER [--pictures=20,50,100] [--draws=6] [--pool=150] [--judged=200] [--out=FILE.json]
//
// Measures what averaging features over a mirror image, and over shifted images too, gains with the CNN that ships. FOLDER
// contains <class>/*.jpg. The last pictures of each class (--judged) are used for evaluation. Each draw takes --pictures of
// the first ones (--pool) of each class, and fits an SVM with a classifier's defaults on each kind of features.
import { FeatureExtractor } from '../dist/lib/index.js'
import { commandLine, writeJson } from './command-line.js'
import { comparedPictures, compareFeatures, comparisonDefaults } from './compare-features.js'

const { folder, flags } = commandLine(
  'views.js FOLDER [--pictures=20,50,100] [--draws=6]',
  comparisonDefaults,
)
const kinds = { plain: {}, mirror: { mirror: true }, 'mirror and shifts': { mirror: true, shift: 1 / 16 } }
const compared = comparedPictures(folder, flags)
const features = {}
for (const [kind, options] of Object.entries(kinds)) {
  const extractor = await FeatureExtractor.create(options)
  features[kind] = await extractor.extract(compared.pictures)
  extractor.dispose()
}
writeJson(await compareFeatures(features, compared, flags), flags.out)
process.exit(0)

import { FeatureExtractor } from '../../cnn/extractor/extractor.ts'
import { checkPooling } from '../../cnn/pool.ts'
import type { Label } from '../../core/labels.ts'
import { SVC } from '../../svm/svc.ts'
import { checkOptions } from '../check-options.ts'
import { checkFeatureKernel } from '../check-svm.ts'
import type { ClassifierOptions } from '../classifier-options.ts'
import { type ClassifierState, stateOf } from '../classifier-state.ts'
import { ImageFeatures } from '../image-features.ts'

/** The state of a classifier that is not yet fitted; see `ImageClassifier.create`. */
export async function openClassifier<L extends Label>(
  options: ClassifierOptions,
): Promise<ClassifierState<L>> {
  const { extractor, svm, scale, probability, unknown, store, fineTune } = checkOptions(options)
  const parameters = svm instanceof SVC ? svm.getParams() : svm
  const template = new SVC<L>({ ...parameters, probability: probability === 'libsvm' })
  checkFeatureKernel(template)
  const given = { scale, template, probability, unknown, fineTune }
  const bundled = unknown?.background === 'default' ? await import('../background-features.ts') : undefined
  if (bundled && fineTune) throw bundled.notBundled('a CNN that fit trains')
  if (extractor instanceof FeatureExtractor) {
    bundled?.checkDefaultBackground(extractor)
    const source = new ImageFeatures(extractor, { owned: false, store })
    return stateOf(source, given)
  }
  const { layer, pooling = 'auto' } = extractor
  if (bundled && layer === 'auto') throw bundled.notBundled('the layer that fit selects')
  const auto = layer !== 'auto' ? undefined : pooling === 'auto' ? {} : { poolings: [pooling] }
  checkPooling(pooling)
  // Until `fit` selects a layer, the extractor uses the default one, which may not support the requested
  // pooling.
  const first = auto ? { ...extractor, layer: undefined, pooling: 'auto' as const } : extractor
  const made = await FeatureExtractor.create(first)
  try {
    bundled?.checkDefaultBackground(made)
  } catch (error) {
    made.dispose()
    throw error
  }
  const source = new ImageFeatures(made, { owned: true, store })
  return stateOf(source, { ...given, auto })
}

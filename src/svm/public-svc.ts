import type { Label } from '../core/labels.ts'
import { readLibsvm } from './formats/read-libsvm.ts'
import { type SVC as Classifier, withLibsvm } from './svc.ts'

/**
 * The class `SVC`, able to read LIBSVM's text. `SVC.fromLibsvm` is synchronous and cannot load the reader on demand, so the
 * class gets it here, where programs get the class from. Everything else imports the class itself: a bundle that does not
 * name `SVC`, such as one with `ImageClassifier` alone, then leaves the reader out.
 */
export const SVC = /* @__PURE__ */ withLibsvm(readLibsvm)
export type SVC<L extends Label = Label> = Classifier<L>

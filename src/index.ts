// softmargin: everything.

export {
  type ClassifierFitOptions,
  type ClassifierOptions,
  type ClassifierProgress,
  type ClassifierSearch,
  type Evaluation,
  ImageClassifier,
  type ImagesCall,
  type Scale,
} from './classifier.ts'
export * from './svm.ts'

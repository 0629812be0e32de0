// softmargin: everything.
export * from './svm.ts'

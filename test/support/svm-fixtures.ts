import { readFileSync } from 'node:fs'
import type { Label } from '../../src/core/labels.ts'
import { Matrix } from '../../src/core/matrix.ts'
import type { SvcOptions } from '../../src/svm/svc.ts'
import manifest from '../fixtures/svm/manifest.json' with { type: 'json' }

/** LIBSVM's results for one configuration, recorded by test/fixtures/svm/make.py. */
export interface Configuration {
  options: SvcOptions
  /** The value of gamma that 'scale' or 'auto' stands for. */
  gamma: number
  /** The dual objective of each class pair at tol 1e-3. */
  objectives: number[]
  /** The sum of the objectives at tol 1e-6. */
  bestObjective: number
  /** The tolerance at which decision values and predictions were recorded. */
  decisionTol: number
  predictions: number[]
  nSupport: number[]
  /** One-vs-one decision values of the test rows. */
  decisions: Matrix
}

export interface Fixture {
  name: string
  classes: Label[]
  XTrain: Matrix
  yTrain: Label[]
  XTest: Matrix
  configurations: Configuration[]
}

/** All data sets with LIBSVM's results. */
export function loadFixtures(): Fixture[] {
  return Object.entries(manifest).map(([name, set]) => {
    const classes: Label[] = set.classes
    const pairs = classes.length === 2 ? 1 : (classes.length * (classes.length - 1)) / 2
    const decisions = readFloats(`${name}.decisions.f32`)
    const size = set.test.length * pairs
    return {
      name,
      classes,
      XTrain: new Matrix(readFloats(`${name}.train.f32`), set.train.length, set.columns),
      yTrain: set.train.map((code) => classes[code]),
      XTest: new Matrix(readFloats(`${name}.test.f32`), set.test.length, set.columns),
      configurations: set.configurations.map((configuration, i) => ({
        ...configuration,
        options: configuration.options as SvcOptions,
        decisions: new Matrix(decisions.slice(i * size, (i + 1) * size), set.test.length, pairs),
      })),
    }
  })
}

function readFloats(file: string): Float32Array {
  const bytes = readFileSync(new URL(`../fixtures/svm/${file}`, import.meta.url))
  return new Float32Array(new Uint8Array(bytes).buffer)
}

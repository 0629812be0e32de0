import { afterAll, describe, expect, test } from 'vitest'
import type { Matrix } from '../../src/core/matrix.ts'
import { SVC } from '../../src/svm/svc.ts'
import { builds, hasRelaxedSimd } from '../support/builds.ts'
import { dualObjectives } from '../support/dual-objective.ts'
import { type Configuration, type Fixture, loadFixtures } from '../support/svm-fixtures.ts'

/** The differences from LIBSVM for one configuration. */
interface Parity {
  /** Largest relative difference of a sum of objectives. */
  objective: number
  /** Largest relative difference of the objective of a single pair. */
  pairObjective: number
  /** Largest difference of a decision value. */
  decision: number
  /** Share of test rows with the same prediction. */
  agreement: number
}

const table: Record<string, string>[] = []

describe.each(builds)('%s build against LIBSVM', (simd) => {
  describe.each(loadFixtures())('$name', (fixture) => {
    test.each(fixture.configurations)('$options', async (configuration) => {
      const { svc, parity } = await compare(fixture, configuration, simd)
      table.push({
        build: simd,
        set: fixture.name,
        options: describeOptions(configuration),
        objective: parity.objective.toExponential(1),
        'worst pair': parity.pairObjective.toExponential(1),
        decisions: parity.decision.toExponential(1),
        agreement: `${(100 * parity.agreement).toFixed(2)} %`,
        'support vectors': `${svc.support.length} / ${sum(configuration.nSupport)}`,
      })
      expect(svc.classes).toEqual(fixture.classes)
      expect(parity.objective).toBeLessThanOrEqual(1e-4)
      expect(parity.pairObjective).toBeLessThanOrEqual(1e-4)
      expect(parity.decision).toBeLessThanOrEqual(5e-3)
      expect(parity.agreement).toBeGreaterThanOrEqual(0.999)
      checkAttributes(svc, fixture)
      svc.dispose()
    })
  })
})

afterAll(() => {
  const missing = hasRelaxedSimd ? '' : ' (strict build only: this host has no relaxed SIMD)'
  console.log(`Parity with LIBSVM${missing}\n${layOut(table)}`)
})

async function compare(
  { XTrain, yTrain, XTest, classes }: Fixture,
  configuration: Configuration,
  simd: 'strict' | 'relaxed',
): Promise<{ svc: SVC; parity: Parity }> {
  const { options, gamma, objectives, decisionTol, decisions, predictions } = configuration
  const svc = await new SVC({ ...options, simd }).fit(XTrain, yTrain)
  const ours = dualObjectives(svc, options, gamma)
  const settled = await new SVC({ ...options, simd, tol: decisionTol }).fit(XTrain, yTrain)
  const values = await settled.decisionFunction(XTest, { shape: 'ovo' })
  const labels = await settled.predict(XTest)
  settled.dispose()
  expect([values.rows, values.cols]).toEqual([decisions.rows, decisions.cols])
  return {
    svc,
    parity: {
      objective: relative(sum(ours), sum(objectives)),
      pairObjective: Math.max(...ours.map((own, pair) => relative(own, objectives[pair]))),
      decision: largestDistance(values, decisions),
      agreement: labels.filter((label, row) => label === classes[predictions[row]]).length / labels.length,
    },
  }
}

/** Checks that the attributes agree with each other and with scikit-learn's layout. */
function checkAttributes(svc: SVC, { XTrain, yTrain, classes }: Fixture): void {
  const { support, supportVectors, dualCoef, intercept, nSupport } = svc
  expect([dualCoef.rows, dualCoef.cols]).toEqual([classes.length - 1, support.length])
  expect(intercept).toHaveLength((classes.length * (classes.length - 1)) / 2)
  expect(supportVectors).toEqual(XTrain.select(support))
  const byClass = classes.map((label) => Array.from(support).filter((row) => yTrain[row] === label))
  expect(Array.from(nSupport)).toEqual(byClass.map((rows) => rows.length))
  expect(Array.from(support)).toEqual(byClass.flatMap((rows) => rows.sort((a, b) => a - b)))
}

function relative(ours: number, theirs: number): number {
  return Math.abs(ours - theirs) / Math.abs(theirs)
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

function largestDistance(a: Matrix, b: Matrix): number {
  return a.data.reduce((most, value, i) => Math.max(most, Math.abs(value - b.data[i])), 0)
}

function describeOptions({ options }: Configuration): string {
  const { kernel, classWeight, ...others } = options
  const weight = typeof classWeight === 'object' ? 'by class' : classWeight
  const rest = Object.entries({ ...others, weight }).filter(([, value]) => value !== undefined)
  return [kernel, ...rest.map(([name, value]) => `${name}=${value}`)].join(' ')
}

function layOut(rows: Record<string, string>[]): string {
  if (rows.length === 0) return '(nothing ran)'
  const names = Object.keys(rows[0])
  const widths = names.map((name) => Math.max(name.length, ...rows.map((row) => row[name].length)))
  const line = (cells: string[]) => cells.map((cell, i) => cell.padEnd(widths[i])).join('  ')
  return [line(names), ...rows.map((row) => line(names.map((name) => row[name])))].join('\n')
}

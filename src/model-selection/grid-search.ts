import type { LongCall, Warned } from '../core/call-options.ts'
import { invalidArgument, SoftmarginError } from '../core/errors.ts'
import type { Splitter } from '../core/folds.ts'
import { checkLabels } from '../core/label-codes.ts'
import type { Label } from '../core/labels.ts'
import type { MatrixLike } from '../core/matrix.ts'
import { type SvcParameters, svcParameters } from '../svm/model/svc-params.ts'
import type { SVC, SvcOptions } from '../svm/svc.ts'
import { checkTrainingData } from './check-training-data.ts'
import { evaluateCandidates } from './evaluate-candidates.ts'
import { listCandidates, type ParamGrid } from './parameter-grid.ts'
import { type Scorer, type Scoring, toScorer } from './scoring.ts'
import { splitRows, toSplitter } from './splits/splitter.ts'

/** Results of a search, one entry per candidate in each list; scikit-learn's keys in camelCase. */
export interface CvResults {
  params: SvcOptions[]
  /** `splitTestScores[fold][candidate]`: scikit-learn's `split0_test_score`, `split1_test_score`, ... */
  splitTestScores: number[][]
  /** Mean score of each candidate over the folds. */
  meanTestScore: number[]
  /** Standard deviation of these scores (of the population: divided by the number of folds). */
  stdTestScore: number[]
  /** 1 is best. Candidates with equal scores share the smaller rank. */
  rankTestScore: number[]
}

export interface GridSearchOptions<L extends Label = Label> {
  /** Number of folds for a `StratifiedKFold` without shuffling, or a splitter. Default 5. */
  cv?: number | Splitter | undefined
  /** The score to maximize. Default `'accuracy'`. */
  scoring?: Scoring<L> | undefined
  /**
   * Whether to fit the best candidate on all rows at the end. A function of `cvResults` chooses that candidate, by its
   * index, in place of the best mean score. Default true.
   */
  refit?: boolean | ((cvResults: CvResults) => number | Promise<number>) | undefined
}

/** Options of `GridSearchCV.fit`. */
export interface GridSearchFitOptions extends LongCall, Warned {
  /**
   * The group of each row, a string or a number: rows of one group, such as pictures of one object or near-duplicates,
   * are never both fitted and judged. A number of folds then means a `StratifiedGroupKFold`. Default: no groups.
   */
  groups?: ArrayLike<Label> | undefined
}

/**
 * Cross-validates every combination of parameters and keeps the best; of equal ones, the first.
 *
 * Folds, order, ranks and results are scikit-learn's.
 *
 * @typeParam L the type of the labels, as in the estimator
 */
export class GridSearchCV<L extends Label = Label> {
  readonly estimator: SVC<L>
  readonly paramGrid: ParamGrid | readonly ParamGrid[]
  readonly refit: boolean | ((cvResults: CvResults) => number | Promise<number>)
  readonly #cv: number | Splitter
  readonly #scorer: Scorer<L>
  readonly #candidates: SvcOptions[]
  /** All parameters of each candidate. */
  readonly #parameters: SvcParameters[]
  #results: CvResults | undefined
  #bestIndex = 0
  #best: SVC<L> | undefined
  #disposed = false

  /**
   * @param estimator provides the parameters that the grid does not name; it is not fitted itself
   * @param paramGrid for each parameter an array of values to try; or several such objects
   * @throws {SoftmarginError} `INVALID_ARGUMENT`, also for any value that `SVC` rejects
   */
  constructor(estimator: SVC<L>, paramGrid: ParamGrid | readonly ParamGrid[], o: GridSearchOptions<L> = {}) {
    if (typeof estimator?.clone !== 'function') throw invalidArgument('estimator', estimator, 'an SVC')
    this.estimator = estimator
    this.paramGrid = paramGrid
    this.refit = o.refit ?? true
    this.#cv = o.cv ?? 5
    toSplitter(this.#cv)
    this.#scorer = toScorer(o.scoring ?? 'accuracy')
    this.#candidates = listCandidates(paramGrid, Object.keys(estimator.getParams()))
    const defaults = estimator.getParams()
    this.#parameters = this.#candidates.map((candidate) => svcParameters({ ...defaults, ...candidate }))
  }

  /**
   * Runs the search, then fits the best candidate on all rows. After an error, the results of an earlier search are
   * kept.
   *
   * @param X samples x features
   * @param y one label per row
   * @param o.onProgress receives the fits that are `done` and their `total`. Candidates whose fits are the same count
   *   once. With `refit`, the last fit is that of the best candidate on all rows.
   * @param o.groups the group of each row, which no fold divides
   * @param o.onWarning called if that last fit ends with `fitStatus` `'imprecise'`
   * @returns this search, typed by the labels in `y`
   * @throws {SoftmarginError} `TOO_FEW_ROWS` if a class has fewer rows than there are folds, `ONE_CLASS`,
   *   `EMPTY_INPUT`, `SHAPE_MISMATCH`, `NOT_FINITE`, `INVALID_ARGUMENT`, `ABORTED`, `OUT_OF_MEMORY`, `DISPOSED`
   */
  async fit<Y extends ArrayLike<L>>(
    X: MatrixLike,
    y: Y,
    o: GridSearchFitOptions = {},
  ): Promise<GridSearchCV<Y[number]>> {
    this.#checkUsable()
    const matrix = await checkTrainingData(X, y, this.#parameters, o.signal)
    const folds = await splitRows(this.#cv, matrix, y, o.groups)
    let searched = 0
    const { scores, gram } = await evaluateCandidates(this.#parameters, matrix, y, folds, {
      signal: o.signal,
      scorer: this.#scorer,
      keepGram: this.refit !== false,
      onProgress: ({ done, total }) => {
        searched = total
        o.onProgress?.({ done, total: total + Number(this.refit !== false) })
      },
    })
    const results = summarise(this.#candidates, scores)
    let best: SVC<L> | undefined
    let bestIndex = indexOfBest(results)
    try {
      if (typeof this.refit === 'function') bestIndex = await chosenIndex(this.refit, results)
      if (this.refit !== false) {
        best = this.estimator.clone(results.params[bestIndex])
        await best.fitOnGram(matrix, y, { signal: o.signal, onWarning: o.onWarning, gram })
      }
    } catch (error) {
      best?.dispose()
      throw error
    } finally {
      gram?.engine.close()
    }
    if (best) o.onProgress?.({ done: searched + 1, total: searched + 1 })
    this.#best?.dispose()
    this.#best = best
    this.#results = results
    this.#bestIndex = bestIndex
    // The type is now that of the labels in y.
    return this as unknown as GridSearchCV<Y[number]>
  }

  /**
   * All results of the search.
   *
   * @throws {SoftmarginError} `NOT_FITTED`
   */
  get cvResults(): CvResults {
    return this.#checkSearched()
  }

  /**
   * Index of the best candidate in `cvResults.params`, or of the one that the function `refit` chose.
   *
   * @throws {SoftmarginError} `NOT_FITTED`
   */
  get bestIndex(): number {
    this.#checkSearched()
    return this.#bestIndex
  }

  /**
   * The parameters of the best candidate.
   *
   * @throws {SoftmarginError} `NOT_FITTED`
   */
  get bestParams(): SvcOptions {
    return this.cvResults.params[this.bestIndex]
  }

  /**
   * Mean score of the best candidate over the folds.
   *
   * @throws {SoftmarginError} `NOT_FITTED`
   */
  get bestScore(): number {
    return this.cvResults.meanTestScore[this.bestIndex]
  }

  /**
   * The best candidate, fitted on all rows. The search owns it: disposing of either makes both unusable.
   *
   * @throws {SoftmarginError} `NOT_FITTED`, also with `refit: false`; `DISPOSED`
   */
  get bestEstimator(): SVC<L> {
    this.#checkUsable()
    if (this.#best) return this.#best
    throw this.#notFitted(this.#results ? 'its option refit is false' : 'call fit(X, y) first')
  }

  /**
   * Predicts the label of each row with the best candidate.
   *
   * @throws {SoftmarginError} `NOT_FITTED`, and as `SVC.predict`
   */
  async predict(X: MatrixLike, o: LongCall = {}): Promise<L[]> {
    return this.bestEstimator.predict(X, o)
  }

  /**
   * Returns the score of the best candidate on the given rows, by the `scoring` of the search.
   *
   * @throws {SoftmarginError} `NOT_FITTED`, and as `SVC.score`
   */
  async score(X: MatrixLike, y: ArrayLike<L>, o: LongCall = {}): Promise<number> {
    const predicted = await this.predict(X, o)
    checkLabels(y, predicted.length)
    return this.#scorer(Array.from(y), predicted)
  }

  /** Releases `bestEstimator` and its memory. `cvResults` stays available. */
  dispose(): void {
    this.#best?.dispose()
    this.#best = undefined
    this.#disposed = true
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  #checkSearched(): CvResults {
    if (this.#results) return this.#results
    throw new SoftmarginError('NOT_FITTED', 'this GridSearchCV is not fitted; call fit(X, y) first')
  }

  #checkUsable(): void {
    if (this.#disposed)
      throw new SoftmarginError('DISPOSED', 'this GridSearchCV was disposed of; create a new one')
  }

  #notFitted(why: string): SoftmarginError {
    return new SoftmarginError('NOT_FITTED', `this GridSearchCV has no fitted estimator: ${why}`)
  }
}

async function chosenIndex(
  choose: (cvResults: CvResults) => number | Promise<number>,
  results: CvResults,
): Promise<number> {
  const index = await choose(results)
  if (Number.isInteger(index) && index >= 0 && index < results.params.length) return index
  const expected = `a function that returns an index from 0 to ${results.params.length - 1}`
  throw invalidArgument('refit', index, expected)
}

function summarise(params: SvcOptions[], scores: Float64Array[]): CvResults {
  const folds = scores[0].length
  const mean = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0) / folds
  const meanTestScore = scores.map(mean)
  return {
    params: params.map((candidate) => ({ ...candidate })),
    splitTestScores: Array.from({ length: folds }, (_, fold) =>
      scores.map((candidateScores) => candidateScores[fold]),
    ),
    meanTestScore,
    stdTestScore: scores.map((candidateScores, i) =>
      Math.sqrt(mean(candidateScores.map((score) => square(score - meanTestScore[i])))),
    ),
    rankTestScore: ranks(meanTestScore),
  }
}

function ranks(scores: number[]): number[] {
  // A score of NaN, which a custom scorer may return, ranks last.
  const comparable = scores.map((score) => (Number.isNaN(score) ? -Infinity : score))
  return comparable.map((score) => 1 + comparable.filter((other) => other > score).length)
}

function indexOfBest({ rankTestScore }: CvResults): number {
  return rankTestScore.indexOf(1)
}

function square(x: number): number {
  return x * x
}

import type { ClassifierSearch } from '../../classifier/image-classifier.ts'
import { table } from './terminal.ts'

/** A search as JSON: the best, and every candidate with its scores. */
export function searchDocument({ bestParams, bestScore, cvResults }: ClassifierSearch): object {
  return {
    bestParams,
    bestScore,
    candidates: cvResults.params.map((params, i) => ({
      params,
      meanTestScore: cvResults.meanTestScore[i],
      stdTestScore: cvResults.stdTestScore[i],
      rank: cvResults.rankTestScore[i],
    })),
  }
}

/** A search as a table, a line a candidate; the best is marked. */
export function searchText({ bestIndex, cvResults }: ClassifierSearch): string {
  const names = [...new Set(cvResults.params.flatMap((params) => Object.keys(params)))]
  const rows = cvResults.params.map((params, i) => [
    ...names.map((name) => String((params as Record<string, unknown>)[name] ?? '')),
    cvResults.meanTestScore[i].toFixed(4),
    cvResults.stdTestScore[i].toFixed(4),
    i === bestIndex ? 'best' : '',
  ])
  return table([[...names, 'accuracy', '+-', ''], ...rows])
}

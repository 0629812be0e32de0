import type { ClassifierSearch } from '../../classifier/image-classifier.ts'
import { table } from './terminal.ts'

/** Returns a search as an object for JSON output: the best parameters, and every candidate with its scores. */
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

/** Formats a search as a table with one line per candidate; the best, and the one that is used, are marked. */
export function searchText({ bestIndex, cvResults }: ClassifierSearch): string {
  const names = [...new Set(cvResults.params.flatMap((params) => Object.keys(params)))]
  const rows = cvResults.params.map((params, i) => [
    ...names.map((name) => String((params as Record<string, unknown>)[name] ?? '')),
    cvResults.meanTestScore[i].toFixed(4),
    cvResults.stdTestScore[i].toFixed(4),
    cvResults.rankTestScore.indexOf(1) === i ? 'best' : i === bestIndex ? 'used: none is clearly better' : '',
  ])
  return table([[...names, 'accuracy', '+-', ''], ...rows])
}

import { inEngine, type WorkByName } from '../engine/wasm/job.ts'

/** What a thread of `softmargin/svm` can do. Loaded when it is first asked for. */
export const svmWork: WorkByName = {
  fit: async () => inEngine((await import('../svm/training/pair-solver.ts')).fitJobType),
  search: async () => inEngine((await import('../model-selection/search/search-jobs.ts')).searchJobType),
}

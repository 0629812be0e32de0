import { inEngine, type WorkByName } from '../engine/wasm/job.ts'

/** The types of jobs for threads of `softmargin/svm`. Loaded on first use. */
export const svmWork: WorkByName = {
  fit: async () => inEngine((await import('../svm/training/pair-solver.ts')).fitJobType),
  decisions: async () => inEngine((await import('../engine/decision/decision-jobs.ts')).decisionJobType),
  search: async () => inEngine((await import('../model-selection/search/search-jobs.ts')).searchJobType),
}

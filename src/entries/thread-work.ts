import type { WorkByName } from '../engine/wasm/job.ts'
import { svmWork } from './thread-work-svm.ts'

/** The types of jobs for threads, without ONNX Runtime. Loaded on first use. */
export const liteWork: WorkByName = {
  ...svmWork,
  images: async () => (await import('../cnn/batching/image-work.ts')).imageWork,
  slices: async () => (await import('../cnn/engine/training/slice-work.ts')).sliceWork,
}

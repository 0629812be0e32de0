import type { WorkByName } from '../engine/wasm/job.ts'
import { svmWork } from './thread-work-svm.ts'

/** What a thread can do, apart from ONNX Runtime. Loaded when it is first asked for. */
export const liteWork: WorkByName = {
  ...svmWork,
  images: async () => (await import('../cnn/batching/image-work.ts')).imageWork,
}

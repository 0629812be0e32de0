import { useOnnxRuntime } from './runtime.ts'

/**
 * Lets networks run in onnxruntime-web, which is loaded when the first one needs it. Every entry of the package
 * calls this, except `softmargin/lite`, whose bundles must not contain onnxruntime-web.
 */
export function addOnnxRuntime(): void {
  useOnnxRuntime({
    start: async (model, options) => {
      const { Session } = await import('./ort/session.ts')
      return Session.create(model, options)
    },
    startResident: async (model, device, read) => {
      const { ResidentGraph } = await import('./ort/resident-graph.ts')
      return ResidentGraph.create(model, device, read)
    },
  })
}

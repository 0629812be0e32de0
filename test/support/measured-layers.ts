import { Arrangements } from '../../src/cnn/layers/arrangements.ts'
import type { LayerInfo } from '../../src/cnn/layers/layer-info.ts'
import { listLayers, measureLayers } from '../../src/cnn/layers/list-layers.ts'
import type { ModelProto } from '../../src/onnx/proto/onnx.ts'
import { inferTensors } from '../../src/onnx/shapes/infer.ts'

/** The layers of a model with their shapes, for images of the given dimensions, batch first. */
export function measuredLayers(model: ModelProto, input: { name: string; dims: number[] }): LayerInfo[] {
  const facts = inferTensors(model, { [input.name]: input.dims })
  const layers = listLayers(model, inferTensors(model))
  return measureLayers(model, layers, facts, new Arrangements(model, facts))
}

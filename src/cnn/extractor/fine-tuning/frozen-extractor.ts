import type { Matrix } from '../../../core/matrix.ts'
import type { ImageInput } from '../../../image/image-input.ts'
import type { ModelProto } from '../../../onnx/proto/onnx.ts'
import type { ExtractOptions } from '../../batching/run-images.ts'
import type { LayerInfo } from '../../layers/layer-info.ts'
import type { LoadedNetwork } from '../load-network.ts'

/** What an extractor lends to its fine-tuning. */
export interface FrozenExtractor<T> {
  parts: LoadedNetwork
  layers: LayerInfo[]
  extract(images: readonly ImageInput[], o: ExtractOptions): Promise<Matrix>
  /** @throws {SoftmarginError} `DISPOSED` once the extractor was disposed of */
  checkAlive(): void
  /** Opens an extractor like this one on other weights, or on its own. */
  open(model: ModelProto | undefined): Promise<T>
}

/** What fine-tuning needs of the extractors that it opens. */
export interface OpenedExtractor extends Pick<FrozenExtractor<never>, 'extract'> {
  dispose(): void
}

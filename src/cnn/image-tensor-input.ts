import { SoftmarginError } from '../core/errors.ts'
import { dimensions, requiredInputs, typeName } from '../onnx/graph/graph.ts'
import { TensorProto_DataType as DataType, type ModelProto, type ValueInfoProto } from '../onnx/proto/onnx.ts'

/** The model's image input: float32 [batch, channels, height, width]. */
export interface ImageTensorInput {
  name: string
  channels: 1 | 3
  /** Batch size, if the model fixes it. */
  batch?: number
  height?: number
  width?: number
}

/** Maximum image side in pixels, which is also the maximum of `preprocess.size`. */
const MAX_SIDE_PIXELS = 16384

/**
 * Finds the model's only image input.
 *
 * @throws {SoftmarginError} `MODEL_UNSUPPORTED` if it has no input, several inputs, or an input of another
 *   type
 */
export function imageTensorInput(model: ModelProto): ImageTensorInput {
  const inputs = requiredInputs(model.graph!)
  if (inputs.length !== 1) {
    const names = inputs.map(({ name }) => `'${name}'`).join(', ')
    throw unsupported(inputs.length === 0 ? 'it has no input' : `it has ${inputs.length} inputs: ${names}`)
  }
  const [input] = inputs
  const shape = dimensions(input.type)
  const type = elementType(input)
  if (type !== DataType.FLOAT) {
    const name = type === undefined ? 'no tensor' : typeName(type)
    throw unsupported(`its input '${input.name}' is ${name}`)
  }
  // The shape is optional in ONNX; without it the first run shows whether the input fits.
  const [batch, channels, height, width] = shape ?? []
  if (shape && shape.length !== 4)
    throw unsupported(`its input '${input.name}' has ${shape.length} dimensions`)
  if (channels !== 1 && channels !== 3 && (width === 1 || width === 3)) {
    throw unsupported(`its input '${input.name}' has its channels last`)
  }
  if (channels !== undefined && channels !== 1 && channels !== 3) {
    throw unsupported(`its input '${input.name}' has ${channels} channels`)
  }
  if ((height ?? 1) > MAX_SIDE_PIXELS || (width ?? 1) > MAX_SIDE_PIXELS) {
    throw unsupported(
      `its input '${input.name}' is ${width} x ${height} pixels (at most ${MAX_SIDE_PIXELS} on each side)`,
    )
  }
  return { name: input.name, channels: channels ?? 3, batch, height, width }
}

function elementType(input: ValueInfoProto): DataType | undefined {
  return input.type?.value.case === 'tensorType' ? input.type.value.value.elemType : undefined
}

function unsupported(why: string): SoftmarginError {
  const expected = 'one image input, float32 [batch, 1 or 3 channels, height, width]'
  return new SoftmarginError('MODEL_UNSUPPORTED', `the model must have ${expected}, but ${why}`, {
    argument: 'model',
    expected,
  })
}

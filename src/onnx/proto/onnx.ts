// The messages of ONNX (onnx.proto of ONNX 1.20), one field per line. The types come from onnx-buf, which is generated
// from onnx.proto and with which the tests compare this file. Its code would make up a third of a page's download.

import type * as Onnx from 'onnx-buf'
import { schemaOf } from './schema.ts'

export type {
  AttributeProto,
  FunctionProto,
  GraphProto,
  ModelProto,
  NodeProto,
  OperatorSetIdProto,
  SparseTensorProto,
  StringStringEntryProto,
  TensorProto,
  TensorShapeProto_Dimension,
  TypeProto,
  ValueInfoProto,
} from 'onnx-buf'

export const AttributeProtoSchema = schemaOf<Onnx.AttributeProto>(
  'AttributeProto',
  `
  name 1 string,
  refAttrName 21 string,
  docString 13 string,
  type 20 enum below 15,
  f 2 float,
  i 3 int64,
  s 4 bytes,
  t 5 TensorProto,
  g 6 GraphProto,
  sparseTensor 22 SparseTensorProto,
  tp 14 TypeProto,
  floats 7 float list,
  ints 8 int64 list,
  strings 9 bytes list,
  tensors 10 TensorProto list,
  graphs 11 GraphProto list,
  sparseTensors 23 SparseTensorProto list,
  typeProtos 15 TypeProto list`,
)

export const ValueInfoProtoSchema = schemaOf<Onnx.ValueInfoProto>(
  'ValueInfoProto',
  `
  name 1 string,
  type 2 TypeProto,
  docString 3 string,
  metadataProps 4 StringStringEntryProto list`,
)

export const NodeProtoSchema = schemaOf<Onnx.NodeProto>(
  'NodeProto',
  `
  input 1 string list,
  output 2 string list,
  name 3 string,
  opType 4 string,
  domain 7 string,
  overload 8 string,
  attribute 5 AttributeProto list,
  docString 6 string,
  metadataProps 9 StringStringEntryProto list,
  deviceConfigurations 10 NodeDeviceConfigurationProto list`,
)

export const IntIntListEntryProtoSchema = schemaOf<Onnx.IntIntListEntryProto>(
  'IntIntListEntryProto',
  `
  key 1 int64,
  value 2 int64 list`,
)

export const NodeDeviceConfigurationProtoSchema = schemaOf<Onnx.NodeDeviceConfigurationProto>(
  'NodeDeviceConfigurationProto',
  `
  configurationId 1 string,
  shardingSpec 2 ShardingSpecProto list,
  pipelineStage 3 int32`,
)

export const ShardingSpecProtoSchema = schemaOf<Onnx.ShardingSpecProto>(
  'ShardingSpecProto',
  `
  tensorName 1 string,
  device 2 int64 list,
  indexToDeviceGroupMap 3 IntIntListEntryProto list,
  shardedDim 4 ShardedDimProto list`,
)

export const ShardedDimProtoSchema = schemaOf<Onnx.ShardedDimProto>(
  'ShardedDimProto',
  `
  axis 1 int64,
  simpleSharding 2 SimpleShardedDimProto list`,
)

export const SimpleShardedDimProtoSchema = schemaOf<Onnx.SimpleShardedDimProto>(
  'SimpleShardedDimProto',
  `
  dimValue 1 int64 of dim,
  dimParam 2 string of dim,
  numShards 3 int64`,
)

export const TrainingInfoProtoSchema = schemaOf<Onnx.TrainingInfoProto>(
  'TrainingInfoProto',
  `
  initialization 1 GraphProto,
  algorithm 2 GraphProto,
  initializationBinding 3 StringStringEntryProto list,
  updateBinding 4 StringStringEntryProto list`,
)

export const ModelProtoSchema = schemaOf<Onnx.ModelProto>(
  'ModelProto',
  `
  irVersion 1 int64,
  opsetImport 8 OperatorSetIdProto list,
  producerName 2 string,
  producerVersion 3 string,
  domain 4 string,
  modelVersion 5 int64,
  docString 6 string,
  graph 7 GraphProto,
  metadataProps 14 StringStringEntryProto list,
  trainingInfo 20 TrainingInfoProto list,
  functions 25 FunctionProto list,
  configuration 26 DeviceConfigurationProto list`,
)

export const DeviceConfigurationProtoSchema = schemaOf<Onnx.DeviceConfigurationProto>(
  'DeviceConfigurationProto',
  `
  name 1 string,
  numDevices 2 int32,
  device 3 string list`,
)

export const StringStringEntryProtoSchema = schemaOf<Onnx.StringStringEntryProto>(
  'StringStringEntryProto',
  `
  key 1 string,
  value 2 string`,
)

export const TensorAnnotationSchema = schemaOf<Onnx.TensorAnnotation>(
  'TensorAnnotation',
  `
  tensorName 1 string,
  quantParameterTensorNames 2 StringStringEntryProto list`,
)

export const GraphProtoSchema = schemaOf<Onnx.GraphProto>(
  'GraphProto',
  `
  node 1 NodeProto list,
  name 2 string,
  initializer 5 TensorProto list,
  sparseInitializer 15 SparseTensorProto list,
  docString 10 string,
  input 11 ValueInfoProto list,
  output 12 ValueInfoProto list,
  valueInfo 13 ValueInfoProto list,
  quantizationAnnotation 14 TensorAnnotation list,
  metadataProps 16 StringStringEntryProto list`,
)

export const TensorProtoSchema = schemaOf<Onnx.TensorProto>(
  'TensorProto',
  `
  dims 1 int64 list,
  dataType 2 int32,
  segment 3 TensorProto.Segment,
  floatData 4 float packed,
  int32Data 5 int32 packed,
  stringData 6 bytes list,
  int64Data 7 int64 packed,
  name 8 string,
  docString 12 string,
  rawData 9 bytes,
  externalData 13 StringStringEntryProto list,
  dataLocation 14 enum below 2,
  doubleData 10 double packed,
  uint64Data 11 uint64 packed,
  metadataProps 16 StringStringEntryProto list`,
)

export const TensorProto_SegmentSchema = schemaOf<Onnx.TensorProto_Segment>(
  'TensorProto.Segment',
  `
  begin 1 int64,
  end 2 int64`,
)

export const SparseTensorProtoSchema = schemaOf<Onnx.SparseTensorProto>(
  'SparseTensorProto',
  `
  values 1 TensorProto,
  indices 2 TensorProto,
  dims 3 int64 list`,
)

export const TensorShapeProtoSchema = schemaOf<Onnx.TensorShapeProto>(
  'TensorShapeProto',
  `
  dim 1 TensorShapeProto.Dimension list`,
)

export const TensorShapeProto_DimensionSchema = schemaOf<Onnx.TensorShapeProto_Dimension>(
  'TensorShapeProto.Dimension',
  `
  dimValue 1 int64 of value,
  dimParam 2 string of value,
  denotation 3 string`,
)

export const TypeProtoSchema = schemaOf<Onnx.TypeProto>(
  'TypeProto',
  `
  tensorType 1 TypeProto.Tensor of value,
  sequenceType 4 TypeProto.Sequence of value,
  mapType 5 TypeProto.Map of value,
  optionalType 9 TypeProto.Optional of value,
  sparseTensorType 8 TypeProto.SparseTensor of value,
  denotation 6 string`,
)

export const TypeProto_TensorSchema = schemaOf<Onnx.TypeProto_Tensor>(
  'TypeProto.Tensor',
  `
  elemType 1 int32,
  shape 2 TensorShapeProto`,
)

export const TypeProto_SequenceSchema = schemaOf<Onnx.TypeProto_Sequence>(
  'TypeProto.Sequence',
  `
  elemType 1 TypeProto`,
)

export const TypeProto_MapSchema = schemaOf<Onnx.TypeProto_Map>(
  'TypeProto.Map',
  `
  keyType 1 int32,
  valueType 2 TypeProto`,
)

export const TypeProto_OptionalSchema = schemaOf<Onnx.TypeProto_Optional>(
  'TypeProto.Optional',
  `
  elemType 1 TypeProto`,
)

export const TypeProto_SparseTensorSchema = schemaOf<Onnx.TypeProto_SparseTensor>(
  'TypeProto.SparseTensor',
  `
  elemType 1 int32,
  shape 2 TensorShapeProto`,
)

export const OperatorSetIdProtoSchema = schemaOf<Onnx.OperatorSetIdProto>(
  'OperatorSetIdProto',
  `
  domain 1 string,
  version 2 int64`,
)

export const FunctionProtoSchema = schemaOf<Onnx.FunctionProto>(
  'FunctionProto',
  `
  name 1 string,
  input 4 string list,
  output 5 string list,
  attribute 6 string list,
  attributeProto 11 AttributeProto list,
  node 7 NodeProto list,
  docString 8 string,
  opsetImport 9 OperatorSetIdProto list,
  domain 10 string,
  overload 13 string,
  valueInfo 12 ValueInfoProto list,
  metadataProps 14 StringStringEntryProto list`,
)

/** An enum that maps names to values and values to names, as TypeScript compiles it. */
function enumOf<E>(names: Record<string, number>): E {
  const both: Record<string, string | number> = { ...names }
  for (const [name, value] of Object.entries(names)) both[value] = name
  return both as E
}

function numbered(names: string): Record<string, number> {
  return Object.fromEntries(names.split(' ').map((name, i) => [name, i]))
}

export type TensorProto_DataType = Onnx.TensorProto_DataType
export const TensorProto_DataType = enumOf<typeof Onnx.TensorProto_DataType>(
  numbered(
    'UNDEFINED FLOAT UINT8 INT8 UINT16 INT16 INT32 INT64 STRING BOOL FLOAT16 DOUBLE UINT32 UINT64 COMPLEX64 COMPLEX128 BFLOAT16 FLOAT8E4M3FN FLOAT8E4M3FNUZ FLOAT8E5M2 FLOAT8E5M2FNUZ UINT4 INT4 FLOAT4E2M1 FLOAT8E8M0 UINT2 INT2',
  ),
)

export type TensorProto_DataLocation = Onnx.TensorProto_DataLocation
export const TensorProto_DataLocation = enumOf<typeof Onnx.TensorProto_DataLocation>(
  numbered('DEFAULT EXTERNAL'),
)

export type AttributeProto_AttributeType = Onnx.AttributeProto_AttributeType
export const AttributeProto_AttributeType = enumOf<typeof Onnx.AttributeProto_AttributeType>(
  numbered(
    'UNDEFINED FLOAT INT STRING TENSOR GRAPH FLOATS INTS STRINGS TENSORS GRAPHS SPARSE_TENSOR SPARSE_TENSORS TYPE_PROTO TYPE_PROTOS',
  ),
)

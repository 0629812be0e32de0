// The properties of ONNX's messages that the codec needs.

/** How the values of a field are encoded: the scalar types of protobuf that ONNX uses. */
const scalars = ['string', 'bytes', 'float', 'double', 'int32', 'int64', 'uint64', 'enum'] as const
export type Scalar = (typeof scalars)[number]

/** A field of a message. */
export interface Field {
  name: string
  number: number
  /** The type of a scalar field; `undefined` for a message field, which has `message`. */
  scalar: Scalar | undefined
  /** The name of the type of a message field. */
  message: string | undefined
  isList: boolean
  /** Whether the numbers of a list are written packed. Both forms can be read. */
  isPacked: boolean
  /** The name of the oneof that the field belongs to. */
  oneof: string | undefined
  /** Exclusive upper bound of the values of an enum; other values are kept as unknown fields. */
  limit: number
}

/** A message type. */
export interface Schema<T> {
  /** Without the package, such as 'TypeProto.Tensor'. */
  readonly typeName: string
  /** In order of their numbers, the order in which they are written. */
  readonly fields: readonly Field[]
  /** Has the defaults of scalars, so that only fields that are set are own properties of a message. */
  readonly prototype: object
  /** Never set; it carries the type of the message. */
  readonly type?: T
}

const schemas = new Map<string, Schema<unknown>>()

const defaults: Record<Scalar, unknown> = {
  string: '',
  bytes: new Uint8Array(0),
  float: 0,
  double: 0,
  int32: 0,
  int64: 0n,
  uint64: 0n,
  enum: 0,
}

/**
 * Defines a message type.
 *
 * @param text its fields, separated by commas: name, number, type, and then 'list', 'packed', 'of' with the name of a
 *   oneof, or 'below' with the limit of an enum
 */
export function schemaOf<T>(typeName: string, text: string): Schema<T> {
  const fields = text.split(',').map((line): Field => {
    const [name, number, type, ...more] = line.trim().split(' ')
    const isScalar = (scalars as readonly string[]).includes(type)
    const after = (word: string) => (more.includes(word) ? more[more.indexOf(word) + 1] : undefined)
    return {
      name,
      number: Number(number),
      scalar: isScalar ? (type as Scalar) : undefined,
      message: isScalar ? undefined : type,
      isList: more.includes('list') || more.includes('packed'),
      isPacked: more.includes('packed'),
      oneof: after('of'),
      limit: Number(after('below') ?? 0),
    }
  })
  fields.sort((a, b) => a.number - b.number)
  const prototype: Record<string, unknown> = { $typeName: `onnx.${typeName}` }
  for (const { name, scalar, isList, oneof } of fields) {
    if (scalar && !isList && !oneof) prototype[name] = defaults[scalar]
  }
  const schema = { typeName, fields, prototype }
  schemas.set(typeName, schema)
  return schema
}

/** The schema of a field's messages. */
export function schemaIn({ message }: Field): Schema<unknown> {
  return schemas.get(message!)!
}

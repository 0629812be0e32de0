// Creates and copies messages: plain objects with a property for each list and for each field that is set. Scalars that
// are not set have their default from the prototype, and messages that are not set are `undefined`.

import { type Field, type Schema, schemaIn } from './schema.ts'

type Values = Record<string, unknown>

/** The initial values of a message: some of its fields, and the same for the messages in it. */
export type Init<T> = T extends string | number | bigint | boolean | Uint8Array | undefined
  ? T
  : T extends readonly (infer E)[]
    ? readonly Init<E>[]
    : { readonly [K in keyof T]?: Init<T[K]> | undefined }

/** Creates a message. A value that already is one is returned unchanged. Lists and bytes are not copied. */
export function create<T>(schema: Schema<T>, init: Init<T> = {} as Init<T>): T {
  if (isMessage(schema, init)) return init as T
  const given = init as Values
  const message = emptyMessage(schema)
  for (const field of schema.fields) {
    const { name, isList, oneof } = field
    if (oneof) {
      const one = given[oneof] as { case?: string; value?: unknown } | undefined
      if (one?.case === name) message[oneof] = { case: name, value: converted(field, one.value) }
    } else if (isList) {
      const list = given[name] as unknown[] | undefined
      if (list) message[name] = field.message ? list.map((item) => converted(field, item)) : list
    } else if (given[name] != null) message[name] = converted(field, given[name])
  }
  if (given.$unknown) message.$unknown = given.$unknown
  return message as T
}

/** Creates a message without any fields. */
export function emptyMessage(schema: Schema<unknown>): Values {
  const message: Values = Object.create(schema.prototype)
  for (const { name, isList, oneof } of schema.fields) {
    if (oneof) message[oneof] = { case: undefined }
    else if (isList) message[name] = []
  }
  return message
}

function converted(field: Field, value: unknown): unknown {
  return field.message ? create(schemaIn(field), value as never) : value
}

/** Whether a value is a message of this type, rather than a plain object with some of its properties. */
function isMessage(schema: Schema<unknown>, value: unknown): boolean {
  const prototype = Object.getPrototypeOf(value)
  if (prototype === schema.prototype) return true
  // Messages of another protobuf library, which have the same properties.
  return prototype !== Object.prototype && (value as Values).$typeName === `onnx.${schema.typeName}`
}

/** A copy of a message and of all messages in it. Bytes are shared, because weights are large and never modified. */
export function clone<T>(schema: Schema<T>, message: T): T {
  const from = message as Values
  const copy = emptyMessage(schema)
  for (const field of schema.fields) {
    const { name, isList, oneof } = field
    const copied = (value: unknown) => (field.message ? clone(schemaIn(field), value) : value)
    if (oneof) {
      const one = from[oneof] as { case?: string; value?: unknown }
      if (one?.case === name) copy[oneof] = { case: name, value: copied(one.value) }
    } else if (isList) copy[name] = ((from[name] ?? []) as unknown[]).map(copied)
    else if (Object.hasOwn(from, name) && from[name] !== undefined) copy[name] = copied(from[name])
  }
  if (from.$unknown) copy.$unknown = [...(from.$unknown as unknown[])]
  return copy as T
}

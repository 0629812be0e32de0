/** Whether two types are identical: neither is wider, and neither is `any` unless both are. */
export type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Stands for any use of values, without a console. */
export declare function show(...values: unknown[]): void

/** Compiles only for a value of exactly the type `Wanted`. */
export declare function expectType<Wanted>(): <Got>(
  value: Got,
  ...proof: Same<Wanted, Got> extends true ? [] : [mismatch: never]
) => void

expectType<number>()(1 as number)
// @ts-expect-error: verifies that the check can fail,
expectType<number>()('text')
// @ts-expect-error: also for a wider type,
expectType<string>()('a' as string | number)
// @ts-expect-error: and for `any`.
expectType<string>()(JSON.parse('1'))

/** Whether two types are the same: neither is wider, and neither is `any` where the other is not. */
export type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** What a callback may do where there is no console. */
export declare function show(...values: unknown[]): void

/** Compiles for a value of exactly the type `Wanted`. */
export declare function expectType<Wanted>(): <Got>(
  value: Got,
  ...proof: Same<Wanted, Got> extends true ? [] : [mismatch: never]
) => void

expectType<number>()(1 as number)
// @ts-expect-error: without this line a check that never fails would go unnoticed.
expectType<number>()('text')
// @ts-expect-error: nor may a type be wider,
expectType<string>()('a' as string | number)
// @ts-expect-error: or `any`.
expectType<string>()(JSON.parse('1'))

/**
 * The value of an environment variable; `undefined` if it is not set or may not be read (Deno requires a permission).
 */
export function environmentVariable(name: string): string | undefined {
  try {
    return typeof process === 'object' ? process?.env?.[name] || undefined : undefined
  } catch {
    return undefined
  }
}

/** A variable of the environment, where there is one and it may be read (Deno asks for a permission). */
export function environmentVariable(name: string): string | undefined {
  try {
    return typeof process === 'object' ? process?.env?.[name] || undefined : undefined
  } catch {
    return undefined
  }
}

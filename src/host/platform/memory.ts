import { hasFileSystem, importBuiltin } from './builtins.ts'

/** Memory that is assumed for phones and tablets whose browser does not tell it: iOS ends pages that take much more. */
const PHONE_BYTES = 2 ** 30

/**
 * The memory in bytes that this device, container or browser has for programs, as far as it tells; undefined if it is
 * unknown or more than a browser admits.
 */
export async function memoryOfHost(): Promise<number | undefined> {
  const { deviceMemory, userAgent = '' } = (globalThis.navigator ?? {}) as {
    deviceMemory?: number
    userAgent?: string
  }
  // In GiB, where 8 may stand for more.
  if (deviceMemory) return deviceMemory < 8 ? deviceMemory * 2 ** 30 : undefined
  if (hasFileSystem()) {
    // Deno would ask the user for a permission.
    if ('Deno' in globalThis) return undefined
    const { totalmem } = await importBuiltin('node:os')
    // The limit of a container: absent on some hosts, and more than all memory where there is none.
    return Math.min(totalmem(), process.constrainedMemory?.() || Number.POSITIVE_INFINITY)
  }
  return /\b(Android|iPhone|iPad|iPod|Mobile)\b/.test(userAgent) ? PHONE_BYTES : undefined
}

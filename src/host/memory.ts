/** Memory of a host that does not tell: a small phone's, in MB. */
const UNKNOWN = 2048

interface DenoLike {
  systemMemoryInfo(): { total: number }
}

/**
 * Bytes that may be spent on kernel values: an eighth of the machine's memory, from 64 MB to 2 GB.
 *
 * The answer decides how fast things go, never what they answer.
 */
export function cacheMemory(): number {
  return Math.min(2048, Math.max(64, totalMegabytes() / 8)) * 2 ** 20
}

function totalMegabytes(): number {
  const host = globalThis as {
    process?: { getBuiltinModule?: (name: string) => { totalmem(): number } | undefined }
    Deno?: DenoLike
    navigator?: { deviceMemory?: number }
  }
  if (host.Deno?.systemMemoryInfo) return host.Deno.systemMemoryInfo().total / 2 ** 20
  const os = host.process?.getBuiltinModule?.('node:os')
  if (os) return os.totalmem() / 2 ** 20
  return (host.navigator?.deviceMemory ?? UNKNOWN / 1024) * 1024
}

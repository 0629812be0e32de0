import { type PoolThread, returnThread, takeThread } from '../../engine/wasm/pool-thread.ts'
import type { ThreadLevel } from '../../host/threads.ts'

// The threads that run images. All networks share them, so that several extractors do not start more threads than there are
// cores. A fit takes its own threads from the pool.

let crew: PoolThread[] = []
let users = 0

/** Takes threads from the pool, or shares those that another network is using. Call `dismiss` afterwards. */
export function assemble(count: number, level: ThreadLevel): PoolThread[] {
  users++
  crew = crew.filter((thread) => !thread.failed)
  const able: PoolThread[] = []
  for (let i = 0; i < count; i++) {
    const known = crew[i]
    if (known) able.push(known)
    else {
      const thread = takeThread(level, former)
      crew.push(thread)
      able.push(thread)
    }
  }
  former = [...crew]
  return able
}

/** The previous crew, whose threads already have the networks. */
let former: PoolThread[] = []

/** Ends one use of the crew. After the last one, its threads return to the pool. */
export function dismiss(): void {
  users--
  if (users > 0) return
  for (const thread of crew) returnThread(thread)
  crew = []
}

import { type PoolThread, returnThread, takeThread } from '../../engine/wasm/pool-thread.ts'
import type { ThreadLevel } from '../../host/threads.ts'

// The threads that run images. All networks share them, so that extractors beside each other do not start more threads
// than there are cores; a fit takes threads of its own from the pool.

let crew: PoolThread[] = []
let users = 0

/** Takes threads out of the pool, or those that another network has taken. Call `dismiss` afterwards. */
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

/** The crew of last time, whose threads know the networks already. */
let former: PoolThread[] = []

/** Ends one use of the crew. After the last, its threads go back into the pool. */
export function dismiss(): void {
  users--
  if (users > 0) return
  for (const thread of crew) returnThread(thread)
  crew = []
}

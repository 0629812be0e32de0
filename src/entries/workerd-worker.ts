// The entry point `softmargin/worker` on workerd.

import { useAssets } from '../host/assets.ts'
import { modules } from './workerd-assets.ts'

useAssets(modules)

export * from '../worker/spawn.ts'

// The entry point `softmargin/worker` on workerd.

import { useAssets } from '../host/assets.ts'
import { modules } from './workerd-assets.ts'
import { runtimeModules } from './workerd-runtime.ts'

useAssets({ ...modules, ...runtimeModules })

export * from '../worker/spawn.ts'

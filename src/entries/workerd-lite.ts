// The entry point `softmargin/lite` on workerd, which accepts WebAssembly only as imported modules.

import { useAssets } from '../host/assets.ts'
import { modules } from './workerd-assets.ts'

useAssets(modules)

export * from '../lite.ts'

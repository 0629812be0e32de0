// The entry point `softmargin` on workerd.

import { useAssets } from '../host/assets.ts'
import { modules } from './workerd-assets.ts'

// Repeated in each entry point, since bundlers keep side effects of an import only in entry points.
useAssets(modules)

export * from '../index.ts'

// The entry `softmargin` on workerd.

import { useAssets } from '../host/assets.ts'
import { modules } from './workerd-assets.ts'

// In each entry, since bundlers keep what happens on import there only.
useAssets(modules)

export * from '../index.ts'

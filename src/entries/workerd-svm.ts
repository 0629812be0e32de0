// The entry point `softmargin/svm` on workerd, which accepts WebAssembly only as imported modules.

import svm from '../../dist/svm.wasm'
import { useAssets } from '../host/assets.ts'

useAssets({ 'svm.wasm': svm })

export * from '../svm.ts'

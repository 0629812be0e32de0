// The entry `softmargin/svm` for workerd, which takes WebAssembly only as a module that is imported.

import svm from '../../dist/svm.wasm'
import { useAssets } from '../host/assets.ts'

useAssets({ 'svm.wasm': svm })

export * from '../svm.ts'

// The entry point `softmargin` on workerd.

import { addOnnxRuntime } from '../cnn/onnxruntime.ts'
import { useAssets } from '../host/assets.ts'
import { modules } from './workerd-assets.ts'
import { runtimeModules } from './workerd-runtime.ts'

// Repeated in each entry point, since bundlers keep side effects of an import only in entry points.
useAssets({ ...modules, ...runtimeModules })
addOnnxRuntime()

export * from '../index.ts'

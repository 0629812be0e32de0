// Prints how much memory a large model needs beyond its bytes, at most and in the end, in bytes: node large-model.js
// FILE
import { readFileSync } from 'node:fs'
import { FeatureExtractor } from '../../dist/lib/index.js'

// Loads ONNX Runtime, whose own memory does not count.
const small = await FeatureExtractor.create({ runtime: 'onnxruntime' })
small.dispose()
const model = readFileSync(process.argv[2])
const before = process.memoryUsage.rss()
const extractor = await FeatureExtractor.create({ runtime: 'onnxruntime', model, preprocess: { size: 32 } })
const after = process.memoryUsage.rss()
const most = process.resourceUsage().maxRSS * 1024
console.log(JSON.stringify({ most: most - before, after: after - before, features: extractor.featureSize }))
extractor.dispose()

import * as ort from 'onnxruntime-web'
import { describe } from 'vitest'
import { testImageThreads } from '../support/image-threads.ts'

describe('threads of an extractor in onnxruntime-web', () => testImageThreads('onnxruntime'))
describe('threads of an extractor in a module', () => testImageThreads(ort))

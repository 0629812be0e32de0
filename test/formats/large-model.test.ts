import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { resnet18 } from '../../scripts/resnet18.js'

it("a model over 100 MB: its weights are copied only once, into ONNX Runtime's memory", () => {
  const folder = mkdtempSync(join(tmpdir(), 'softmargin-'))
  try {
    const model = resnet18({ widths: [128, 256, 512, 1024] })
    expect(model.length).toBeGreaterThan(150 * 2 ** 20)
    const file = join(folder, 'large.onnx')
    writeFileSync(file, model)
    const program = fileURLToPath(new URL('../support/large-model.js', import.meta.url))
    const memory = JSON.parse(execFileSync(process.execPath, [program, file], { encoding: 'utf8' }))
    expect(memory.features).toBe(1024)
    expect(memory.after / model.length).toBeGreaterThan(0.5)
    expect(memory.most / model.length).toBeLessThan(1.3)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

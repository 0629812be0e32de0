import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const node = (...args: string[]) => execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' })

let folder: string
let model: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'softmargin-'))
  model = join(folder, 'resnet18.onnx')
  node('scripts/resnet18.js', model)
})
afterAll(() => rmSync(folder, { recursive: true }))

describe('the Node examples, on a ResNet-18 and real digits', () => {
  const accuracyOf = (output: string) => Number(/^accuracy (.*)$/m.exec(output)![1])

  it.each([
    ['last-layer', 512],
    ['inner-layer', 256 * 14 * 14],
  ])('%s', (name, features) => {
    const output = node(`examples/node/${name}.js`, model, '5')
    expect(output).toContain(`features ${features}\n`)
    expect(accuracyOf(output)).toBeGreaterThanOrEqual(0.4)
  })

  it('grid-search', () => {
    const output = node('examples/node/grid-search.js', model, '5')
    expect(output).toMatch(/best parameters \{ C: [\d.]+, gamma: \S+, kernel: '(rbf|linear)' \}/)
    expect(accuracyOf(output)).toBeGreaterThanOrEqual(0.4)
  })
})

it("fine-tune: the CNN learns digits, and the SVM's accuracy is reported", () => {
  const output = node('examples/node/fine-tune.js', '12', '2')
  expect(output).toMatch(/^tuned (true|false) \{$/m)
  for (const name of ['frozen', 'tuned']) {
    const accuracy = Number(new RegExp(`^${name} accuracy (.*)$`, 'm').exec(output)![1])
    expect(accuracy).toBeGreaterThan(0.7)
  }
})

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { hasVulkan } from '../support/programs.ts'
import { installHost } from './package.js'

it.runIf(hasVulkan())(
  'Deno: the network runs and is trained on WebGPU, and runs on WebAssembly when the GPU is lost',
  async () => {
    const deno = join(installHost('deno'), 'node_modules/.bin/deno')
    const cwd = fileURLToPath(new URL('../..', import.meta.url))
    const args = ['run', '-A', '--node-modules-dir=manual', 'test/hosts/gpu-deno.js']
    const { stdout } = await promisify(execFile)(deno, args, { cwd })
    const checks: { what: string; holds: boolean }[] = JSON.parse(stdout)
    expect(checks).toHaveLength(13)
    expect(checks.filter(({ holds }) => !holds)).toEqual([])
  },
  300_000,
)

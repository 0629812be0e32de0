import { execFileSync } from 'node:child_process'

/**
 * Whether this machine has a program that tests compare ours with. The machine that guards the project must have
 * it; a contributor's need not.
 */
export function hasProgram(name: string): boolean {
  try {
    execFileSync('/bin/sh', ['-c', `command -v ${name}`], { stdio: 'ignore' })
    return true
  } catch {
    if (process.env.CI) throw new Error(`${name} is missing: it must be there where CI is set`)
    return false
  }
}

/** The same for a module of Debian's Python. */
export function hasPythonModule(name: string): boolean {
  return hasProgram(`/usr/bin/python3 && /usr/bin/python3 -c 'import ${name}'`)
}

/** Whether there is a driver for Vulkan, lavapipe or a real one, which WebGPU outside of browsers needs. */
export function hasVulkan(): boolean {
  return hasProgram('/bin/sh && ls /usr/share/vulkan/icd.d/*.json')
}

import { execFileSync } from 'node:child_process'

/**
 * Whether a program is installed that tests compare with. CI must have it; contributors need not.
 */
export function hasProgram(name: string): boolean {
  try {
    execFileSync('/bin/sh', ['-c', `command -v ${name}`], { stdio: 'ignore' })
    return true
  } catch {
    if (process.env.CI) throw new Error(`${name} is not installed, but is required in CI`)
    return false
  }
}

/** The same for a module of the system's Python. */
export function hasPythonModule(name: string): boolean {
  return hasProgram(`/usr/bin/python3 && /usr/bin/python3 -c 'import ${name}'`)
}

/** Whether there is a Vulkan driver (real or lavapipe), which WebGPU needs outside of browsers. */
export function hasVulkan(): boolean {
  return hasProgram('/bin/sh && ls /usr/share/vulkan/icd.d/*.json')
}

import { execFileSync } from 'node:child_process'

/** Checks files with ONNX's checker and shape inference; returns how many pass. @throws with the checker's message */
export function checkedByOnnx(paths: string[]): number {
  const program =
    'import onnx, sys\nfor path in sys.argv[1:]: onnx.checker.check_model(path, full_check=True)\nprint(len(sys.argv) - 1)'
  return Number(
    execFileSync('/usr/bin/python3', ['-c', program, ...paths], { encoding: 'utf8', stdio: 'pipe' }),
  )
}

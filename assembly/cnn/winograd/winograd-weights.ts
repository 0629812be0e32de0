// The transform of weights, G g G^T. Large layers keep their weights as they are, 9 numbers for what would be 16 or 36, and
// transform some of a panel just before they are used.

import { F2, F4, STRIDED4 } from './winograd-layer'
import { transformStrided2, transformStrided4 } from './winograd-strided'
import { transform2 } from './winograd2'
import { transform4 } from './winograd4'

function panel4(from: usize, end: usize, tapBytes: usize, to: usize, step: usize): void {
  for (; from < end; from += 8 * tapBytes) {
    for (const next = from + tapBytes; from < next; from += 16) {
      transform4(from, tapBytes, to, step)
      to += 16
    }
  }
}

function panel2(from: usize, end: usize, tapBytes: usize, to: usize, step: usize): void {
  for (; from < end; from += 8 * tapBytes) {
    for (const next = from + tapBytes; from < next; from += 16) {
      transform2(from, tapBytes, to, step)
      to += 16
    }
  }
}

function panelStrided4(from: usize, end: usize, tapBytes: usize, to: usize, step: usize): void {
  for (; from < end; from += 8 * tapBytes) {
    for (const next = from + tapBytes; from < next; from += 16) {
      transformStrided4(from, tapBytes, to, step)
      to += 16
    }
  }
}

function panelStrided2(from: usize, end: usize, tapBytes: usize, to: usize, step: usize): void {
  for (; from < end; from += 8 * tapBytes) {
    for (const next = from + tapBytes; from < next; from += 16) {
      transformStrided2(from, tapBytes, to, step)
      to += 16
    }
  }
}

/**
 * Transforms the weights of some channels of a panel into planes of [channels][channels of the panel].
 *
 * @param form a form of winograd-layer.ts
 * @param from [channels][9][channels of the panel]
 * @param width channels of the panel
 * @param step bytes from plane to plane
 */
export function transformWeights(
  form: i32,
  from: usize,
  channels: i32,
  width: i32,
  to: usize,
  step: usize,
): void {
  const tapBytes = <usize>width * 4
  const end = from + <usize>(9 * channels) * tapBytes
  if (form == F4) panel4(from, end, tapBytes, to, step)
  else if (form == F2) panel2(from, end, tapBytes, to, step)
  else if (form == STRIDED4) panelStrided4(from, end, tapBytes, to, step)
  else panelStrided2(from, end, tapBytes, to, step)
}

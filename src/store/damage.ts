import { show } from '../core/errors.ts'
import type { Damage } from '../host/journal/frames.ts'

/** Reports a damaged part of a store's journal. */
export function warnOfDamage(
  path: string,
  { recordsBefore, bytes }: Damage,
  records: number,
  onWarning: ((message: string) => void) | undefined,
): void {
  const tell = onWarning ?? console.warn
  tell(
    `softmargin: ${bytes} bytes in the journal of the feature store ${show(path)} are damaged. ${recordsBefore} intact ` +
      `records before them and ${records - recordsBefore} after them were read. Images whose features ` +
      'were lost are extracted again when they are next requested.',
  )
}

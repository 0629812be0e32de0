interface EntrySize {
  script: number
  wasm: number
}
export const budgets: { entries: Record<string, EntrySize>; edgeFunction: number; answering: number }
export function bundleForEdge(
  code: string,
  options?: object,
): Promise<{ path: string; contents: Uint8Array }[]>
export function entrySize(entry: string): Promise<EntrySize>
export function downloadSize(
  code: string,
  splitting?: boolean,
): Promise<Record<'script' | 'engines' | 'codecs' | 'onnx', number>>
export function answeringSize(): Promise<Record<'script' | 'engines' | 'files', number>>
export function downloadTable(): Promise<string[]>

/** Serves a folder with a strict content security policy. @param threads whether the page may share memory */
export function serve(
  folder: string,
  o: { threads: boolean; strict?: boolean },
): Promise<{ url: string; close(): void }>

/** Moves places on a line apart until neighbours keep a distance. */
export function spread(wanted: number[], gap: number): number[]

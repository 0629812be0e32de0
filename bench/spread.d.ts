/** Moves positions on a line apart until neighbours have a minimum distance. */
export function spread(wanted: number[], gap: number): number[]

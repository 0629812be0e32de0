/** The folder of a package that holds a host's program, installed if it is not there. */
export function installHost(spec: string): string

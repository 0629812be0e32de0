/** The folder of a package that holds a host's program, installed if it is not there. */
export function installHost(spec: string): string
/** A folder with packages of npm, installed if they are not there. @param specs packages with their versions */
export function installTools(name: string, specs: string[]): string
/** A folder where the package is installed as it would be published; its tarball lies there, too. */
export function installPackage(): string

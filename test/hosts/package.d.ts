/** Returns the folder of a package that contains a host's program; installs it if necessary. */
export function installHost(spec: string): string
/** Returns a folder with npm packages; installs them if necessary. @param specs packages with their versions */
export function installTools(name: string, specs: string[]): string
/** Returns a folder in which the package is installed as it would be published; also contains its tarball. */
export function installPackage(): string

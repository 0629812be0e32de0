/** WebAssembly imported as a compiled module, on hosts that cannot compile it at run time. */
declare module '*.wasm' {
  const module: WebAssembly.Module
  export default module
}

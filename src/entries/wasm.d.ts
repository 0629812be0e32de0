/** WebAssembly as hosts without a compiler import it: compiled before. */
declare module '*.wasm' {
  const module: WebAssembly.Module
  export default module
}

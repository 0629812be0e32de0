/** The text of src/engine/wasm/bindings.ts, as it follows from assembly/. */
export declare function engineBindings(): Promise<string>
/** Writes the file if it is not up to date. */
export declare function writeEngineBindings(): Promise<void>

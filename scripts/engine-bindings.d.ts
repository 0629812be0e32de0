/** Generates the text of src/engine/wasm/bindings.ts from assembly/. */
export declare function engineBindings(): Promise<string>
/** Writes the file if it is out of date. */
export declare function writeEngineBindings(): Promise<void>

import type { ModelProto } from '../proto/onnx.ts'

/** Whether a domain is that of ONNX's own operators, which has two names; a copied node may lack it. */
export function isOnnxDomain(domain: string | undefined): boolean {
  return !domain || domain === 'ai.onnx'
}

/** The version of ONNX's own operators that a model uses; 0 if it uses none. */
export function operatorSetOf({ opsetImport }: ModelProto): number {
  return Number(opsetImport.find(({ domain }) => isOnnxDomain(domain))?.version ?? 0)
}

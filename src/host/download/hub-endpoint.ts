import { environmentVariable } from '../platform/environment.ts'

/** The base URL of the Hugging Face hub: `HF_ENDPOINT`, as in Hugging Face's own tools, or the public one. */
export function hubEndpoint(): string {
  return (environmentVariable('HF_ENDPOINT') ?? 'https://huggingface.co').replace(/\/+$/, '')
}

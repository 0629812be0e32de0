import { environmentVariable } from '../platform/environment.ts'

/** Where the Hugging Face hub is: `HF_ENDPOINT`, as its own programs read it, or the public one. */
export function hubEndpoint(): string {
  return (environmentVariable('HF_ENDPOINT') ?? 'https://huggingface.co').replace(/\/+$/, '')
}

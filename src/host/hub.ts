/** Where the Hugging Face hub is: `HF_ENDPOINT`, as its own programs read it, or the public one. */
export function hubEndpoint(): string {
  const told = typeof process === 'object' ? process?.env?.HF_ENDPOINT : undefined
  return (told || 'https://huggingface.co').replace(/\/+$/, '')
}

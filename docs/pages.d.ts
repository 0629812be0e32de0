export function pages(): string[]
export function anchorsOf(markdown: string): string[]
export function headOf(markdown: string): { title: string | undefined; description: string | undefined }

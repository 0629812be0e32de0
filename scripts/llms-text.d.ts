export function llmsText(): string

export function errorCodes(): { code: string; meaning: string }[]
export function errorsPage(page: string): string

/** Lines of Markdown: a table of a whole run. */
export function summary(run: { jobs: object[] }): string[]

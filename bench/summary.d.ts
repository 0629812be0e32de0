/** Lines of Markdown: a table of a whole run. */
export function summary(run: { jobs: object[] }): string[]
/** Lines of Markdown: accuracy by pictures a class, of a run of pictures-a-class.js. */
export function picturesTable(run: { results: object[] }): string[]

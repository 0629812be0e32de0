/** The lines of a Markdown table of a whole run. */
export function summary(run: { jobs: object[] }): string[]
/** The lines of a Markdown table of accuracy by pictures per class, from a run of pictures-a-class.js. */
export function picturesTable(run: { results: object[] }): string[]

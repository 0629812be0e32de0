/** The lines of a Markdown table of a whole run. */
export function summary(run: { jobs: object[] }): string[]
/** The lines of a Markdown table of accuracy by pictures per class, from runs of pictures-a-class.js with each bundled CNN. */
export function picturesTable(tiny: { results: object[] }, small: { results: object[] }): string[]

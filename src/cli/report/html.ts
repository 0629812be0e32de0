/** Replaces the characters that have a meaning in HTML, in text and in quoted attributes. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')
}

/** A whole page that loads nothing: its style is inline, and its pictures are data URLs. */
export function page(title: string, sections: readonly string[]): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
${sections.join('\n')}
</body>
</html>
`
}

/** A section with a heading. @param content HTML */
export function section(heading: string, content: string): string {
  return `<section>\n<h2>${escapeHtml(heading)}</h2>\n${content}\n</section>`
}

const style = `
:root { color-scheme: light dark; --ink: #1b1b1f; --paper: #fff; --faint: #6b6b76; --line: #d5d5dd; --heat: 37, 99, 235; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e8ee; --paper: #17171b; --faint: #9a9aa8; --line: #3a3a44; --heat: 96, 165, 250; }
}
body { background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 64rem; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; }
p.big { font-size: 2.4rem; margin: 0; } p.faint, figcaption, small { color: var(--faint); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { border: 1px solid var(--line); padding: 0.25rem 0.6rem; text-align: right; }
th:first-child { text-align: left; } th { font-weight: 600; }
svg { max-width: 30rem; width: 100%; } svg text { fill: var(--ink); font: 12px system-ui, sans-serif; }
svg .axis { stroke: var(--ink); } svg .grid { stroke: var(--line); } svg .even { stroke: var(--faint); stroke-dasharray: 4 4; }
.pictures { display: flex; flex-wrap: wrap; gap: 0.8rem; }
figure { margin: 0; width: 8rem; } figure img { height: 8rem; image-rendering: auto; object-fit: contain; width: 8rem; }
figcaption { font-size: 0.8rem; overflow-wrap: anywhere; }
`

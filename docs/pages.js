import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The pages that are written by hand, as paths from this folder, sorted. `api` is made from the sources. */
export function pages() {
  const folder = fileURLToPath(new URL('.', import.meta.url))
  const folders = ['', 'guide/', 'recipes/', 'coming-from/']
  return folders
    .flatMap((path) => readdirSync(folder + path).map((name) => path + name))
    .filter((name) => name.endsWith('.md'))
    .sort()
}

/** The anchor of a heading, as GitHub makes it, and by our settings the site. */
export function slug(heading) {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}_\- ]/gu, '')
    .replaceAll(' ', '-')
}

/** The anchors of a page's headings. */
export function anchorsOf(markdown) {
  return [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => slug(heading))
}

/** Title and description of a page: its first heading, and the front matter's description. */
export function headOf(markdown) {
  const [, title] = /^(?:# |title: )(.*)$/m.exec(markdown) ?? []
  const [, description] = /^description: (.*)$/m.exec(markdown) ?? []
  return { title, description }
}

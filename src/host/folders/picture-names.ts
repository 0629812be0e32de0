const list = ['.png', '.jpg', '.jpeg', '.webp', '.avif', '.gif', '.bmp']

/** The endings of pictures' names, in words. */
export const endings = `${list.slice(0, -1).join(', ')} or ${list.at(-1)}`

/** Whether a file's name ends as those of pictures do. */
export function isPictureName(name: string): boolean {
  const lower = name.toLowerCase()
  return list.some((ending) => lower.endsWith(ending))
}

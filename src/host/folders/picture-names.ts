const list = ['.png', '.jpg', '.jpeg', '.webp', '.avif', '.gif', '.bmp']

/** The file extensions of pictures, in words. */
export const endings = `${list.slice(0, -1).join(', ')} or ${list.at(-1)}`

/** Whether a file name has the extension of a picture. */
export function isPictureName(name: string): boolean {
  const lower = name.toLowerCase()
  return list.some((ending) => lower.endsWith(ending))
}

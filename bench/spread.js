/**
 * Moves positions on a line apart until neighbours have a minimum distance, each as little as possible: positions that are
 * too close become a group around the mean of their wanted positions.
 *
 * @param wanted the wanted positions
 * @param gap the minimum distance
 * @returns the new positions, in the order of `wanted`
 */
export function spread(wanted, gap) {
  const order = wanted.map((_, i) => i).sort((a, b) => wanted[a] - wanted[b])
  /** Groups of touching neighbours, in ascending order. */
  const groups = []
  for (const i of order) {
    let group = { members: [i], middle: wanted[i] }
    for (let last = groups.at(-1); last && end(last, gap) + gap > start(group, gap); last = groups.at(-1)) {
      groups.pop()
      const members = [...last.members, ...group.members]
      group = { members, middle: members.reduce((sum, j) => sum + wanted[j], 0) / members.length }
    }
    groups.push(group)
  }
  const places = []
  for (const group of groups) {
    for (const [k, i] of group.members.entries()) places[i] = start(group, gap) + k * gap
  }
  return places
}

function start({ members, middle }, gap) {
  return middle - ((members.length - 1) * gap) / 2
}

function end({ members, middle }, gap) {
  return middle + ((members.length - 1) * gap) / 2
}

import type { Follow } from '../core/frame.ts'
import { collectionOf } from '../core/path.ts'
import { DOUBTFUL } from './scope.ts'
import type { Scope } from './scope.ts'

/** About as many bytes as asking for it takes, and not fewer. */
const sizeOf = ({ name, queryKey = '', cursor }: Scope): number =>
  3 * (name.length + queryKey.length + cursor.epoch.length) + 50

/**
 * What is asked for, in pieces of about so many bytes at most. What may have the same records goes together where that is possible:
 * what begins later would miss what was evicted before. Where it is not, of the rest nobody knows how old it is.
 */
export const piecesOf = (scopes: readonly Scope[], most: number): Follow[][] => {
  const collections = new Set(scopes.map(({ name }) => name))
  const groups = new Map<string, Scope[]>()
  for (const scope of scopes) {
    const collection = collectionOf(scope.name)
    const name = collections.has(collection) ? collection : scope.name
    const group = groups.get(name)
    if (group) group.push(scope)
    else groups.set(name, [scope])
  }
  let piece: Follow[] = []
  let room = most
  const pieces = [piece]
  const begin = (size: number): boolean => {
    if (size <= room || !piece.length) return false
    pieces.push((piece = []))
    room = most
    return true
  }
  for (const group of groups.values()) {
    begin(group.reduce((size, scope) => size + sizeOf(scope), 0))
    let isLate = false
    for (const scope of group) {
      isLate = begin(sizeOf(scope)) || isLate
      piece.push(isLate ? { ...scope.follow(), ...DOUBTFUL } : scope.follow())
      room -= sizeOf(scope)
    }
  }
  return pieces
}

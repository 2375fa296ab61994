import { isObject } from './option-rules.ts'
import type { Rule, Test } from './option-rules.ts'
import type { Peer } from './server/peer.ts'

/** One, or several: a list or a set of them. */
export type PeerOrPeers = Peer | Iterable<Peer>

const isIterable = (value: unknown): value is Iterable<unknown> =>
  isObject(value) && typeof Reflect.get(Object(value) as object, Symbol.iterator) === 'function'

/** Undefined, in a list, is nobody. */
const isPeer: Test = value =>
  value === undefined || (isObject(value) && ['id', 'write'].every(name => name in Object(value)))

/** Whoever is left out must be known: what is no peer, such as an entry of a map, would leave out nobody. What can be read only once is none. */
export const PEERS: Rule = [
  'a peer, or a list or set of peers',
  value =>
    isIterable(value)
      ? !Object.is(value[Symbol.iterator](), value) && [...value].every(isPeer)
      : isObject(value) && isPeer(value)
]

export const peersOf = (peers: PeerOrPeers): Peer[] => (Symbol.iterator in peers ? [...peers] : [peers])

import type { Change } from './change.ts'
import type { Follower } from './follower.ts'

const NOBODY: ReadonlySet<Follower> = new Set()

/** Who follows which record, and which collection. */
export class Audience {
  readonly #names = new Map<string, Set<Follower>>()

  join(name: string, follower: Follower): void {
    const followers = this.#names.get(name)
    if (followers) followers.add(follower)
    else this.#names.set(name, new Set([follower]))
  }

  leave(name: string, follower: Follower): void {
    const followers = this.#names.get(name)
    if (followers?.delete(follower) && !followers.size) this.#names.delete(name)
  }

  /** Who follows what changed. Where there is one name for it, that is a set which is there already. */
  of({ record, collection }: Change): ReadonlySet<Follower> {
    const own = this.#names.get(record)
    const all = this.#names.get(collection)
    if (!own || !all) return own ?? all ?? NOBODY
    return new Set([...own, ...all])
  }
}

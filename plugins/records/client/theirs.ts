import { meet } from '../core/path.ts'
import { isAfter } from '../core/register.ts'
import type { Stamp } from '../core/register.ts'

/** What others had written where a step was taken back: it is there again, and the steps before do not undo it. */
export class Theirs {
  #stamps: { readonly record: string; readonly path: string; readonly stamp: Stamp }[] = []

  add(record: string, path: string, stamp: Stamp): void {
    this.#stamps = this.#stamps.filter(each => each.record !== record || each.path !== path)
    this.#stamps.push({ record, path, stamp })
  }

  /** Whether some of it is there, later than a stamp. */
  hides(record: string, path: string, stamp: Stamp): boolean {
    return this.#stamps.some(each => each.record === record && meet(each.path, path) && isAfter(each.stamp, stamp))
  }

  /** Forgets all but what meets some places. */
  keep(places: readonly { readonly record: string; readonly path: string }[]): void {
    this.#stamps = this.#stamps.filter(each =>
      places.some(({ record, path }) => each.record === record && meet(each.path, path))
    )
  }
}

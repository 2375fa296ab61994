import { keysOf } from '../core/path.ts'
import { isWritten } from '../core/place.ts'
import type { Place } from '../core/place.ts'
import { RecordState } from '../core/record-state.ts'

/** What is at some paths of a state, above and below them, and nothing else: it takes no longer for all the rest that there is. */
export const partOf = (state: RecordState, paths: Iterable<string>): RecordState => {
  const part = new RecordState()
  const known = new Set<Place>()
  const add = (place: Place): void => {
    if (isWritten(place)) part.merge(place, place.seq)
  }
  const addAll = (place: Place): void => {
    if (known.has(place)) return
    known.add(place)
    add(place)
    for (const child of place.branch?.values() ?? []) addAll(child)
  }
  for (const path of paths) {
    let place: Place | undefined = state
    for (const key of keysOf(path)) {
      // What is below it is there, and so is what is above.
      if (!place || known.has(place)) break
      add(place)
      place = place.branch?.get(key)
    }
    if (place) addAll(place)
  }
  return part
}

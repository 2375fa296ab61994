import type { Value } from '../../../lib/store.ts'
import type { Operation } from '../core/edit.ts'
import { pick } from '../core/pick.ts'
import type { Place } from '../core/place.ts'
import type { EditOptions, Target } from './target.ts'
import type { Known, NumberPath, Optional, Patch, PathOf, ValueAt } from './types.ts'

/** The fields of a record, to read and to write: of one that is followed, or of a draft within a transaction. */
export abstract class Fields<T, R> implements Target<R> {
  readonly id: string

  constructor(id: string) {
    this.id = id
  }

  abstract look(): Value | undefined

  abstract find(path: string): Place | undefined

  abstract edit(operation: Operation, path: string, value?: unknown, options?: EditOptions): R

  /** What is at a path; undefined for nothing. @throws ERR_PATH */
  get<const P extends PathOf<T>>(path: P & Known<T, P>): ValueAt<T, P> | undefined
  /** The record, frozen; undefined where it does not exist. The last of these is what `ReturnType` takes. */
  get(): T | undefined
  get(path = ''): unknown {
    return pick(this.look(), path)
  }

  /** Whether it exists. */
  get exists(): boolean {
    return this.look() !== undefined
  }

  /**
   * Writes a value at a path; undefined deletes what is there. An array is one value. Of an object those fields are written that
   * are different, those that are undefined deleted, and no others touched.
   * @throws ERR_PATH; ERR_ENCODE for what is no value; ERR_TOO_LARGE; ERR_OPTION for an `ifVersion` that is none
   */
  set<const P extends PathOf<T>>(path: P & Known<T, P>, value: ValueAt<T, P>, options?: EditOptions): R {
    return this.edit('set', path, value, options)
  }

  /** Writes those of some fields that are different, at any depth. Throws what `set` does. */
  patch(fields: Patch<T>, options?: EditOptions): R {
    return this.edit('set', '', fields, options)
  }

  /**
   * Makes the record, or what is at a path, anew: fields that are not in the value are gone, also those that others have
   * written before and that are told later. What others write later stays. Throws what `set` does.
   */
  replace(value: T, options?: EditOptions): R
  replace<const P extends PathOf<T>>(path: P & Known<T, P>, value: ValueAt<T, P>, options?: EditOptions): R
  replace(first: unknown, second?: unknown, third?: EditOptions): R {
    const [path, value, options] = typeof first === 'string' ? [first, second, third] : ['', first, second]
    return this.edit('replace', path, value, options as EditOptions | undefined)
  }

  /** Deletes the record, or what is at a path. @throws ERR_PATH */
  delete<const P extends PathOf<T> | ''>(path?: P & Optional<T, P>, options?: EditOptions): R
  delete(path = '', options?: EditOptions): R {
    return this.edit('delete', path, undefined, options)
  }

  /** Adds to a number, wherever others have brought it meanwhile: nothing of what several add is lost. */
  increment<const P extends NumberPath<T>>(path: P & Known<T, P, number>, by = 1, options?: EditOptions): R {
    return this.edit('increment', path, by, options)
  }
}

import type { Follow } from '../core/frame.ts'
import { isId } from '../core/path.ts'

/** Something that a client follows. */
export class Scope {
  readonly number: number
  readonly name: string
  readonly epoch: string
  /** Up to which commit the client has it. */
  since: number

  constructor({ scope, name, epoch, since }: Follow) {
    this.number = scope
    this.name = name
    this.epoch = epoch
    this.since = since
  }

  get isCollection(): boolean {
    return isCollection(this.name)
  }
}

/** A name that ends with a slash is that of a collection. */
export const isCollection = (name: string): boolean => name.endsWith('/')

/** Whether it is the name of a record or collection. */
export const isScopeName = (name: string): boolean => isId(isCollection(name) ? `${name}_` : name)

/* What the server and the page say that records are. */
import type { ListOf } from 'anywire/plugins/records'

export interface Item {
  readonly title: string
  readonly done: boolean
}

export interface TodoList {
  readonly name: string
  /** When it was made, in milliseconds since 1970. */
  readonly at: number
  readonly items: ListOf<Item>
}

export type TodoRecords = { readonly 'lists/': TodoList }

/** What somebody says of themselves while they look at a list. */
export interface Guest {
  readonly name: string
}

/** Characters in a name or a title. */
export const LONGEST = 200

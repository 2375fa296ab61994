/* What both ends know of the application: see docs/records.md. */
import type { ListOf } from 'anywire/plugins/records'

export interface Todo {
  readonly title: string
  readonly done: boolean
}

/** A list of to-dos. Its items merge one by one, whoever moves and edits them at the same time. */
export interface TodoList {
  readonly name: string
  /** When it was made, in milliseconds since 1970. */
  readonly made: number
  readonly items?: ListOf<Todo>
}

export type App = { readonly 'lists/': TodoList }

/** Who is here, and which list they look at. */
export interface Guest {
  readonly name: string
  readonly color: number
  readonly list: string
}

export const LONGEST = 200

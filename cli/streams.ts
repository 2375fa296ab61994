import type { Readable, Writable } from 'node:stream'

type MaybeTerminal<T> = T & { readonly isTTY?: boolean }

/** What a command reads, and where it prints. */
export interface Streams {
  readonly input: MaybeTerminal<Readable>
  /** For results alone, so that they can be piped. */
  readonly output: MaybeTerminal<Writable>
  /** For everything else. */
  readonly errors: MaybeTerminal<Writable>
}

import { malformed } from './bytes.ts'
import type { FrameReader, FrameWriter } from './frame-bytes.ts'

/** How a part of a frame is written and read. */
export interface Part<T> {
  write(this: void, out: FrameWriter, value: T): void
  read(this: void, from: FrameReader): T
}

export const uint: Part<number> = { write: (out, value) => out.uint(value), read: from => from.uint() }
export const text: Part<string> = { write: (out, value) => out.text(value), read: from => from.text() }
export const number: Part<number> = { write: (out, value) => out.float(value), read: from => from.float() }
export const node: Part<string> = { write: (out, value) => out.node(value), read: from => from.node() }

export const list = <T>(part: Part<T>): Part<readonly T[]> => ({
  write(out, items) {
    out.uint(items.length)
    for (const item of items) part.write(out, item)
  },
  read(from) {
    const items: T[] = []
    for (let count = from.uint(); count > 0; count--) items.push(part.read(from))
    return items
  }
})

export const pair = <A, B>(first: Part<A>, second: Part<B>): Part<readonly [A, B]> => ({
  write(out, [a, b]) {
    first.write(out, a)
    second.write(out, b)
  },
  read: from => [first.read(from), second.read(from)]
})

export const optional = <T>(part: Part<T>): Part<T | undefined> => ({
  write(out, value) {
    out.byte(value === undefined ? 0 : 1)
    if (value !== undefined) part.write(out, value)
  },
  read: from => (from.byte() ? part.read(from) : undefined)
})

export const oneOf = <T>(...values: readonly T[]): Part<T> => ({
  write: (out, value) => out.byte(values.indexOf(value)),
  read: from => values[from.byte()] ?? malformed()
})

export const struct = <T extends object>(parts: { readonly [K in keyof T]-?: Part<T[K]> }): Part<T> => {
  const keys = Object.keys(parts) as (keyof T)[]
  return {
    write(out, value) {
      for (const key of keys) parts[key].write(out, value[key])
    },
    read(from) {
      const value: Partial<T> = {}
      for (const key of keys) value[key] = parts[key].read(from)
      return value as T
    }
  }
}

/** Lists that are empty most of the time: flags in the frame's first byte, 1, 2, 4 and so on, say which of them are there. */
export const sparse = <T extends { readonly [K in keyof T]: readonly unknown[] }>(parts: {
  readonly [K in keyof T]-?: Part<T[K]>
}) => {
  const keys = Object.keys(parts) as (keyof T)[]
  const all = (1 << keys.length) - 1
  const none = Object.fromEntries(keys.map(key => [key, []])) as unknown as T
  return {
    flags: (lists: T): number => keys.reduce((flags, key, at) => flags | (lists[key].length && 1 << at), 0),
    write(out: FrameWriter, lists: T): void {
      for (const key of keys) if (lists[key].length) parts[key].write(out, lists[key])
    },
    read(from: FrameReader, flags: number): T {
      if (!(flags & all)) return none
      const lists: { [K in keyof T]?: unknown } = {}
      for (const [at, key] of keys.entries()) lists[key] = flags & (1 << at) ? parts[key].read(from) : []
      return lists as T
    }
  }
}

/** Frames by their type; the first byte is the place of the type, counted from `first`. */
export const table = <F extends { readonly type: string }>(
  first: number,
  parts: { readonly [T in F['type']]: Part<Omit<Extract<F, { readonly type: T }>, 'type'>> }
) => {
  const types = Object.keys(parts) as F['type'][]
  const partOf = (type: F['type']): Part<object> => parts[type]
  return {
    /** @returns false where the frame is none of these */
    write(out: FrameWriter, frame: { readonly type: string }): boolean {
      const at = types.findIndex(type => type === frame.type)
      if (at < 0) return false
      out.byte(first + at)
      partOf(types[at] as F['type']).write(out, frame)
      return true
    },
    /** @returns undefined where the first byte is of none of these */
    read(from: FrameReader, head: number): F | undefined {
      const type = types[head - first]
      return type && ({ type, ...partOf(type).read(from) } as F)
    }
  }
}

/*
 * Names are made of parts with dots between them: `news.sport.tennis`. In a pattern the part `*` stands for any one part,
 * and `>`, which comes last, for one or more.
 */

const WILD = /(^|\.)[*>](\.|$)/

/** Whether a name has wildcards. */
export const isWild = (name: string): boolean => WILD.test(name)

/** Whether a value is a name that is published to, as far as its form goes: of at most 16 parts, none of them empty or a wildcard. */
export const isTopic = (name: unknown): boolean =>
  typeof name === 'string' && !/(^|\.)[*>]?(\.|$)|(\.[^.]+){16}/.test(name)

/** Parts of a name: what is looked for meets the more patterns on its way, the longer that is. */
const PARTS = 16

/** Whether a value is a name of at most so many characters and 16 parts, with or without wildcards. */
export const isPattern = (value: unknown, length: number): value is string =>
  typeof value === 'string' &&
  value.length <= length &&
  !/^$|^\.|\.\.|\.$|(^|\.)>\./.test(value) &&
  value.split('.', PARTS + 1).length <= PARTS

/** Whether all names that `name` stands for are among those that `pattern` stands for. */
export const covers = (pattern: string, name: string): boolean => {
  const parts = name.split('.')
  const wanted = pattern.split('.')
  return (
    (wanted.length === parts.length || (wanted.length < parts.length && wanted.at(-1) === '>')) &&
    wanted.every((part, index) => part === parts[index] || part === '>' || (part === '*' && parts[index] !== '>'))
  )
}

class Node<T> {
  readonly next = new Map<string, Node<T>>()
  value: T | undefined
}

/** Values by pattern, in a trie: what is looked for costs what it meets on its way, however many others there are. */
export class Patterns<T> {
  readonly #root = new Node<T>()

  get(name: string): T | undefined {
    let node: Node<T> | undefined = this.#root
    for (const part of name.split('.')) node = node?.next.get(part)
    return node?.value
  }

  set(name: string, value: T): void {
    let node = this.#root
    for (const part of name.split('.')) {
      let next = node.next.get(part)
      if (!next) node.next.set(part, (next = new Node()))
      node = next
    }
    node.value = value
  }

  delete(name: string): void {
    const path = [this.#root]
    const parts = name.split('.')
    for (const part of parts) {
      const node = path.at(-1)?.next.get(part)
      if (!node) return
      path.push(node)
    }
    for (let depth = parts.length, node = path[depth]; node; node = path[--depth]) {
      if (depth === parts.length) node.value = undefined
      if (node.value !== undefined || node.next.size) return
      path[depth - 1]?.next.delete(parts[depth - 1] ?? '')
    }
  }

  /**
   * Visits the values of all patterns that have a name in common with `name`, which may be a pattern too; for one without
   * wildcards the most specific first, as seen from its beginning. A visit that returns true is the last one.
   * @returns whether one did
   */
  some(name: string, visit: (value: T) => boolean): boolean {
    return some(this.#root, name.split('.'), 0, visit)
  }
}

const tell = <T>(node: Node<T> | undefined, visit: (value: T) => boolean): boolean =>
  node?.value !== undefined && visit(node.value)

const some = <T>(node: Node<T>, parts: readonly string[], index: number, visit: (value: T) => boolean): boolean => {
  const { next } = node
  const part = parts[index]
  if (part === undefined) return tell(node, visit)
  if (part === '*' || part === '>') {
    for (const [key, child] of next) {
      if (
        part === '>'
          ? tell(child, visit) || some(child, parts, index, visit)
          : key !== '>' && some(child, parts, index + 1, visit)
      ) {
        return true
      }
    }
    return part === '*' && tell(next.get('>'), visit)
  }
  const same = next.get(part)
  const any = next.get('*')
  return (
    (same !== undefined && some(same, parts, index + 1, visit)) ||
    (any !== undefined && some(any, parts, index + 1, visit)) ||
    tell(next.get('>'), visit)
  )
}

/**
 * What decides about a name: the value of the most specific pattern that covers it, or undefined; and, where the name is a
 * pattern, the values of all those that cover a part of it.
 */
export const govern = <T extends { readonly pattern: string }>(
  patterns: Patterns<T>,
  name: string
): [T | undefined, ...T[]] => {
  const wild = isWild(name)
  let covering: T | undefined
  const within: T[] = []
  patterns.some(name, value => {
    if (!covers(value.pattern, name)) within.push(value)
    else covering ??= value
    return !wild
  })
  return [covering, ...within]
}

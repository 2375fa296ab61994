import { readdirSync, readFileSync } from 'node:fs'

/** A block of code in a page. */
export interface Block {
  readonly page: string
  /** The line of its first line of code, from 1. */
  readonly line: number
  /** What stands behind the fence. */
  readonly info: string
  readonly code: string
}

/** The pages that are checked, relative to the project's folder, where tests run. */
export const pages = (): string[] => [
  ...readdirSync('.').filter(name => name.endsWith('.md')),
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.md'))
    .map(name => `docs/${name}`)
]

export const read = (page: string): string => readFileSync(page, 'utf8')

/** The fenced blocks of a page. */
export const blocks = (page: string): Block[] => {
  const found: Block[] = []
  let open: { readonly line: number; readonly info: string; readonly code: string[] } | undefined
  for (const [index, text] of read(page).split('\n').entries()) {
    const [, info] = /^```(.*)$/.exec(text) ?? []
    if (info === undefined) open?.code.push(text)
    else if (!open) open = { line: index + 2, info, code: [] }
    else {
      found.push({ page, line: open.line, info: open.info, code: open.code.join('\n') })
      open = undefined
    }
  }
  if (open) throw new Error(`${page}:${open.line}: the block does not end`)
  return found
}

/** The block that begins with a comment that names it: `// server.ts`. */
export const named = (page: string, name: string): Block => {
  const block = blocks(page).find(({ code }) => code.startsWith(`// ${name}\n`))
  if (!block) throw new Error(`${page} has no block ${name}`)
  return block
}

/** A page without its code. */
export const prose = (page: string): string =>
  read(page)
    .replaceAll(/^```.*?^```$/gms, '')
    .replaceAll(/`[^`\n]*`/g, '')

/** What a heading is called in links, as GitHub makes it. */
export const anchors = (page: string): Set<string> => {
  const headings = read(page)
    .replaceAll(/^```.*?^```$/gms, '')
    .matchAll(/^#+ (.*)$/gm)
  const taken = new Map<string, number>()
  const names = [...headings].map(([, heading = '']) => {
    const name = heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-')
    const count = taken.get(name) ?? 0
    taken.set(name, count + 1)
    return count === 0 ? name : `${name}-${count}`
  })
  return new Set(names)
}

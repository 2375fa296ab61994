import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { anchors, pages, prose, read } from './support/pages.ts'

/** The links of a page to files of the project, as written. */
const links = (page: string): string[] =>
  [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter(target => !/^[a-z]+:/.test(target))

const isBroken = (page: string, link: string): boolean => {
  const [path = '', anchor] = link.split('#', 2)
  const target = path === '' ? page : join(dirname(page), path)
  if (!existsSync(target)) return true
  return anchor !== undefined && !anchors(target).has(anchor)
}

describe('the pages of the documentation', () => {
  it('link to what is there', () => {
    const broken = pages().flatMap(page =>
      links(page)
        .filter(link => isBroken(page, link))
        .map(link => `${page}: ${link}`)
    )
    assert.deepEqual(broken, [])
  })

  it('are all reached from README.md', () => {
    const reached = new Set(['README.md'])
    for (const page of reached) {
      for (const link of links(page)) {
        const target = join(dirname(page), link.split('#', 1)[0] ?? '')
        if (target.endsWith('.md') && existsSync(target)) reached.add(target)
      }
    }
    assert.deepEqual(
      pages().filter(page => !reached.has(page)),
      []
    )
  })

  it('have tables that are drawn as such: as many columns in the head as below it', () => {
    const columns = (row: string): number => row.replaceAll(/`[^`]*`|\\\|/g, '').split('|').length
    const broken = pages().flatMap(page => {
      const rows = read(page).split('\n')
      return rows.flatMap((row, at) => {
        const head = rows[at - 1] ?? ''
        const isRule = /^\|( :?-+:? \|)+$/.test(row) && head.startsWith('|')
        return isRule && columns(head) !== columns(row) ? `${page}: ${head}` : []
      })
    })
    assert.deepEqual(broken, [])
  })

  it('stay short where they should', () => {
    assert.ok(read('README.md').trimEnd().split('\n').length <= 250)
  })
})

import assert from 'node:assert/strict'
import { attemptUrl } from '../../lib/url.ts'

describe('attemptUrl', () => {
  it('adds the default path, the query, and the mark', () => {
    const cases: [string, Record<string, string> | undefined, string][] = [
      ['http://a', undefined, 'http://a/anywire?anywire=1'],
      ['https://a/', undefined, 'https://a/anywire?anywire=1'],
      ['ws://a/x', undefined, 'ws://a/x?anywire=1'],
      ['http://a/x/', { b: 'c d', e: '&' }, 'http://a/x/?b=c+d&e=%26&anywire=1'],
      ['http://a/?b=1&b=2', { b: '3' }, 'http://a/anywire?b=3&anywire=1'],
      ['http://a/?anywire=9', { anywire: '8' }, 'http://a/anywire?anywire=1'],
      ['http://a/x#/route', undefined, 'http://a/x?anywire=1'],
      ['http://user:word@a', undefined, 'http://user:word@a/anywire?anywire=1'],
      ['http://[::1]:80', { ['__proto__']: 'y' }, 'http://[::1]/anywire?__proto__=y&anywire=1']
    ]
    for (const [base, query, url] of cases) assert.equal(attemptUrl(base, query).href, url)
    assert.equal(attemptUrl(new URL('http://a')).href, 'http://a/anywire?anywire=1')
  })

  it('changes no URL of the application', () => {
    const base = new URL('http://a')
    attemptUrl(base, { b: 'c' })
    assert.equal(base.href, 'http://a/')
  })

  it('refuses what is none', () => {
    for (const base of ['', 'a', '/x', 'http://', 'localhost:8080', 'ftp://a', 'file:///a'])
      assert.throws(() => attemptUrl(base), { code: 'ERR_OPTION' })
  })

  it('takes one with letters of other languages, however often it is asked', () => {
    // Node 20 and 22 think that it is none, once what looks at URLs is optimized.
    for (let count = 0; count < 30_000; count++)
      assert.equal(attemptUrl('https://b\u00fccher.example').host, 'xn--bcher-kva.example')
  })
})

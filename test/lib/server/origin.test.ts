import assert from 'node:assert/strict'
import { checkOrigins, isAllowedOrigin } from '../../../lib/server/origin.ts'
import { guard } from '../../support/faults-guard.ts'

describe('the origins that are allowed by default', () => {
  const isAllowed = (host: string, origin: string, ownPort?: boolean): boolean =>
    isAllowedOrigin({ url: '/', headers: { origin }, address: '', ...(ownPort && { ownPort }) }, host, undefined)

  it('are those of the host and port, on a server that pages come from too', () => {
    assert.equal(isAllowed('example.com:8080', 'http://example.com:8080'), true)
    assert.equal(isAllowed('example.com:4433', 'https://example.com'), false)
  })

  it('are those of the scheme, where a proxy writes the port that a browser leaves out', () => {
    for (const [host, origin, allowed] of [
      ['example.com:443', 'https://example.com', true],
      ['example.com:80', 'http://example.com', true],
      ['example.com:80', 'https://example.com', false],
      ['example.com:443', 'http://example.com', false],
      ['example.com:8443', 'https://example.com:8443', true],
      ['[::1]:80', 'http://[::1]', true],
      ['evil.org:443', 'https://example.com', false],
      [':443', 'https://', false]
    ] as const) {
      assert.equal(isAllowed(host, origin), allowed, `${origin} at ${host}`)
    }
  })

  it('are those of the host, where a transformer listens on a port of its own', () => {
    for (const [host, origin, allowed] of [
      ['example.com:4433', 'https://example.com', true],
      ['EXAMPLE.com:4433', 'https://example.com:8443', true],
      ['example.com', 'https://example.com', true],
      ['example.com', 'http://example.com:8080', true],
      ['127.0.0.1:4433', 'https://127.0.0.1:3000', true],
      ['[::1]:4433', 'https://[::1]', true],
      ['[::1]:4433', 'https://[::2]', false],
      ['example.com:4433', 'https://www.example.com', false],
      ['example.com:4433', 'https://example.com.evil.org', false],
      ['example.com:4433', 'https://evil.org:4433', false],
      ['example.com:4433', 'https://example.com@evil.org', false],
      ['evil.org/example.com', 'https://example.com', false],
      ['example.com@evil.org', 'https://example.com', false],
      ['evil.org@example.com', 'https://evil.org', false],
      ['example.com:4433', 'null', false],
      ['null', 'null', false],
      ['', 'file://', false],
      ['', 'https://example.com', false],
      [':4433', 'https://example.com', false]
    ] as const) {
      assert.equal(isAllowed(host, origin, true), allowed, `${origin} at ${host}`)
    }
  })
})

describe('an origins function', () => {
  guard()
  const ask = (origins: () => unknown): boolean =>
    isAllowedOrigin({ url: '/', headers: { origin: 'https://a.org' }, address: '' }, '', origins as () => boolean)

  it('allows by true alone', () => {
    assert.equal(
      ask(() => true),
      true
    )
    for (const answer of [1, 'yes', {}, null, undefined, false])
      assert.equal(
        ask(() => answer),
        false
      )
  })

  it('that is asynchronous is told so, and what it rejects with ends nothing', async () => {
    assert.throws(() => ask(() => Promise.reject(new Error('mine'))), { code: 'ERR_OPTION' })
    await new Promise(resolve => setImmediate(resolve))
  })
})

describe('an origin with letters of other languages', () => {
  it('is told how to write it, however often', () => {
    // Node 20 and 22 think that it is no URL, once what looks at URLs is optimized.
    for (let count = 0; count < 30_000; count++)
      assert.throws(() => checkOrigins('https://b\u00fccher.example'), /write 'https:\/\/xn--bcher-kva\.example'$/)
  })
})

import { createRequire } from 'node:module'
import { msgpack } from '../../parsers/msgpack.ts'
import { transformerContract } from '../contract/transformer.ts'
import { withParsers } from '../support/parsers.ts'
import { overHttp2, overHttp3 } from '../support/webtransport.ts'

const HTTP3 = '@fails-components/webtransport-transport-http3-quiche'

const isInstalled = (name: string): boolean => {
  try {
    createRequire(import.meta.url).resolve(name)
    return true
  } catch (error) {
    // It is for `import` alone.
    return error instanceof Error && 'code' in error && error.code !== 'MODULE_NOT_FOUND'
  }
}

const parsers = withParsers(msgpack())

transformerContract('webtransport over HTTP/2', () => overHttp2(), { parsers })

if (isInstalled(HTTP3)) transformerContract('webtransport over HTTP/3', overHttp3, { parsers })
else {
  // Its binary does not come with it: it is fetched from GitHub, or made of the sources of Chromium.
  process.stderr.write(
    `skipped, for want of a binary that npm does not have: webtransport over HTTP/3 (npm install --no-save ${HTTP3})\n`
  )
  describe.skip('webtransport over HTTP/3: the contract of transformers', () => {
    it('is kept', () => {})
  })
}

import { promisify } from 'node:util'
import { brotliCompress, gzip } from 'node:zlib'

/** How a body travels over HTTP. */
export type Encoding = 'br' | 'gzip' | 'identity'

/** The smallest encoding that an `Accept-Encoding` header allows (RFC 9110, 12.5.3). */
export const chooseEncoding = (header = ''): Encoding => {
  const weights = new Map<string, number>()
  for (const item of header.toLowerCase().split(',')) {
    const [name = '', ...parameters] = item.split(';').map(part => part.trim())
    const weight = parameters.find(parameter => parameter.startsWith('q='))?.slice(2) ?? '1'
    weights.set(name, Number(weight) || 0)
  }
  const weigh = (name: Encoding): number => weights.get(name) ?? weights.get('*') ?? 0
  const [br, zipped] = [weigh('br'), weigh('gzip')]
  if (br > 0 && br >= zipped) return 'br'
  return zipped > 0 ? 'gzip' : 'identity'
}

const compressors = { br: promisify(brotliCompress), gzip: promisify(gzip) }

/** Compresses as well as it can, off the main thread. */
export const encodeBody = async (body: Buffer, encoding: Encoding): Promise<Buffer> =>
  encoding === 'identity' ? body : compressors[encoding](body)

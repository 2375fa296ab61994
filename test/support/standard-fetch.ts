import { request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'

/**
 * The function of the standard, as far as the browser half uses it, each request over a connection of its own: Node's keeps
 * connections that a test has cut, and makes some that nobody asks over.
 */
export const standardFetch: typeof fetch = async (input, init) => {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const { method = 'GET', signal, body } = init ?? {}
    const asked = request(
      input instanceof Request ? input.url : input,
      { method, agent: false, ...(signal && { signal }) },
      resolve
    )
    asked.on('error', reject)
    asked.end(typeof body === 'string' ? body : undefined)
  })
  return new Response(await text(response), { status: response.statusCode ?? 0 })
}

import { Agent, request as requestHttp } from 'node:http'
import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http'
import { Agent as SecureAgent, request as requestHttps } from 'node:https'
import { WebSocket } from 'ws'
import type { ClientOptions } from 'ws'
import type { Platform } from './link.ts'

/** How long the other end may take to answer a close frame. The package takes it, its types do not have it yet. */
const PATIENCE = { closeTimeout: 5_000 }

/** What both kinds of requests take. */
type NodeOptions = Omit<RequestOptions & ClientOptions, 'headers'> & {
  readonly headers?: Readonly<Record<string, string>> | undefined
}

/** Reads an answer whole. */
const read = (response: IncomingMessage, resolve: (text: string) => void, reject: (error: Error) => void): void => {
  let text = ''
  response.setEncoding('utf8')
  response.on('data', (chunk: string) => (text += chunk))
  response.on('error', reject)
  response.on('end', () => {
    const { statusCode } = response
    if (statusCode === 200) resolve(text)
    else reject(new Error(`HTTP ${statusCode}: ${text}`, { cause: statusCode }))
  })
}

/** Requests and WebSockets in Node. The connections of a link are its own, so that none outlives it. */
export const nodePlatform = (secure: boolean, options: NodeOptions): Platform => {
  const agent = options.agent ?? new (secure ? SecureAgent : Agent)({ keepAlive: true })
  return {
    drains: true,
    ask: (url, body, signal) =>
      new Promise((resolve, reject) => {
        const all: RequestOptions = {
          ...options,
          agent,
          method: body === undefined ? 'GET' : 'POST',
          headers: { ...options.headers, ...(body !== undefined && { 'content-type': 'text/plain;charset=UTF-8' }) },
          signal
        }
        const answered = (response: IncomingMessage): void => read(response, resolve, reject)
        const asked: ClientRequest = (secure ? requestHttps : requestHttp)(url, all, answered)
        asked.on('error', reject)
        asked.end(body)
      }),
    open(url, events) {
      const ws = new WebSocket(url, { perMessageDeflate: false, ...PATIENCE, ...options })
      let error: Error | undefined
      ws.on('open', () => events.opened())
      ws.on('message', (data: Buffer, isBinary: boolean) =>
        events.heard(isBinary ? new Uint8Array(data.buffer, data.byteOffset, data.length) : data.toString())
      )
      ws.on('error', cause => (error = cause))
      ws.on('close', code => events.closed(code, error))
      const sent = (): void => events.drained()
      return {
        get bufferedAmount() {
          return ws.bufferedAmount
        },
        send: data => ws.send(data, sent),
        close: () => ws.close(),
        cut: () => ws.terminate()
      }
    },
    free: () => {
      if (agent !== options.agent && typeof agent === 'object') agent.destroy()
    }
  }
}

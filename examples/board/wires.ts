/* How pages reach the board: WebSocket and long polling, and WebTransport where WEBTRANSPORT names a module with sessions. */
import { mkdir, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { bundle } from 'anywire/bundle'
import { engineio } from 'anywire/transformers/engine.io'
import { generateCertificate, webtransport } from 'anywire/transformers/webtransport'
import type { Certificate, SessionSource } from 'anywire/transformers/webtransport'
import { ws } from 'anywire/transformers/ws'

/** What a module that WEBTRANSPORT names has: docs/transformers/webtransport.md, "other servers". */
interface Sessions {
  readonly sessions: (certificate: Certificate) => SessionSource
}

/** What a page has to know of a WebTransport server: its port, and the hash of its certificate, which nobody signed. */
export interface WebTransportTarget {
  readonly port: number
  readonly hash: readonly number[]
}

export const openWires = async () => {
  const module = process.env['WEBTRANSPORT']
  if (!module) return { transformers: [ws(), engineio()], names: ['ws', 'engine.io'], target: undefined }
  const { sessions } = (await import(pathToFileURL(resolve(module)).href)) as Sessions
  const certificate = generateCertificate({ hosts: ['localhost', '127.0.0.1'] })
  const quick = webtransport({ sessions: sessions(certificate) })
  return {
    transformers: [quick, ws(), engineio()],
    names: ['webtransport', 'ws', 'engine.io'],
    target: async (): Promise<WebTransportTarget> => ({ port: await quick.listening, hash: [...certificate.hash] })
  }
}

/** The client that comes with anywire has WebSocket alone. The board's page changes its wire, and has plugins: one of its own. */
export const writeClient = async (folder: string, transformers: readonly string[]): Promise<string> => {
  const plugins = ['reconnect', 'offline', 'wires', 'pubsub', 'rpc', 'presence']
  // Minified where it is for others: that takes longer than all else that the server does to start.
  const { code } = await bundle({ transformers, plugins, minify: process.env['NODE_ENV'] === 'production' })
  await mkdir(folder, { recursive: true })
  await writeFile(`${folder}/client.js`, code)
  return `${folder}/client.js`
}

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createListener } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, createServer } from '../../core.ts'
import { json } from '../../parsers/json.ts'
import { engineio } from '../../transformers/engine.io/index.ts'
import { ws } from '../../transformers/ws/index.ts'
import { opened } from '../contract/stage.ts'
import { next } from '../contract/waiting.ts'

describe('clients over unix sockets', () => {
  for (const [way, transformer] of Object.entries({ ws, engineio }))
    for (const scheme of ['wss', 'https'])
      it(`say nothing in plain text that was to be encrypted: ${way}, ${scheme}`, async () => {
        const path = join(tmpdir(), `anywire${process.pid}-plain`)
        let connections = 0
        const listener = createListener(socket => {
          connections++
          socket.destroy()
        })
        listener.listen(path)
        await once(listener, 'listening')
        const url = `${scheme}+unix:${path}`
        const options = { transformers: [transformer()], parser: json() }
        assert.throws(() => connect(url, options), { code: 'ERR_OPTION' })
        // What a function returns is not known before.
        const client = connect(() => url, options)
        client.on('error', () => {})
        const [{ error }] = await next(client, 'attempt')
        client.destroy()
        listener.close()
        await once(listener, 'close')
        assert.deepEqual([error?.message.includes(`${scheme}+unix:`), connections], [true, 0])
      })

  const ways = {
    ws: () => ws(),
    'engine.io': () => engineio(),
    'engine.io, polling': () => engineio({ transports: ['polling'] }),
    'engine.io, websocket': () => engineio({ transports: ['websocket'] })
  }
  let count = 0

  for (const [way, transformer] of Object.entries(ways))
    for (const [name, written] of [
      ['plain', 'plain'],
      ['with a space', 'with a space'],
      ['ümlaut#?', encodeURIComponent('ümlaut#?')],
      ['100%', '100%']
    ] as const)
      it(`connect, with a path and without: ${way}, ${name}`, async () => {
        const folder = join(tmpdir(), `anywire${process.pid}-${count++}`)
        const server = createServer(undefined, {
          transformers: [transformer()],
          parsers: [json()],
          socket: `${folder}${name}`
        })
        await next(server, 'listening')
        const url = `ws+unix:${folder}${written}`
        for (const [target, said] of [
          [url, undefined],
          [`${url}:/anywire?a=b`, 'b']
        ] as const) {
          const client = connect(target, { transformers: [transformer()], parser: json() })
          await opened(client)
          const peer = server.peers.get(client.id) ?? assert.fail()
          assert.equal(peer.query['a'], said)
          client.write('through a file')
          assert.deepEqual(await next(peer, 'data'), ['through a file'])
          client.destroy()
        }
        await server.close()
      })
})

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import type { Server as HttpServer } from 'node:http'
import { PassThrough } from 'node:stream'
import { stripVTControlCharacters } from 'node:util'
import { Session } from '../../cli/session.ts'
import { Terminal } from '../../cli/terminal.ts'
import { connect, createServer } from '../../index.ts'
import type { Server } from '../../index.ts'

/** A stream that says it is a terminal, and what was written to it, without the orders for the cursor. */
const screen = () => {
  const stream = Object.assign(new PassThrough(), { isTTY: true })
  let text = ''
  stream.on('data', (chunk: Buffer) => (text += stripVTControlCharacters(chunk.toString())))
  const shows = async (pattern: RegExp): Promise<void> => {
    while (!pattern.test(text)) await once(stream, 'data')
  }
  return { stream, shows, text: () => text }
}

describe('the client in the terminal', () => {
  let http: HttpServer
  let server: Server
  let url: string

  beforeEach(async () => {
    http = createHttpServer()
    server = createServer(http)
    server.on('connection', peer => peer.on('data', value => peer.write(value)))
    http.listen(0, '127.0.0.1')
    await once(http, 'listening')
    const address = http.address()
    url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
  })

  afterEach(async () => {
    await server.close()
    http.close()
  })

  const begin = () => {
    const [input, output, errors] = [screen(), screen(), screen()]
    const terminal = new Terminal({ input: input.stream, output: output.stream, errors: errors.stream })
    const session = new Session(connect(url), terminal, {
      once: false,
      listen: false,
      read: value => ({ value }),
      show: value => `${String(value)}\n`
    })
    const type = (text: string): void => void input.stream.write(text)
    return { type, output, errors, done: session.run() }
  }

  it('has commands', async () => {
    const { type, output, errors, done } = begin()
    await errors.shows(/open over ws/)
    type('hello\r')
    await output.shows(/^hello\n/)
    type('/ping\r')
    await errors.shows(/\d\.\d ms/)
    type('/stats\r')
    await errors.shows(
      /open over ws, session [\w-]{8}, 1 sent, 1 received, \d+ bytes? not acknowledged, 0 values waiting/
    )
    type('/help\r')
    await errors.shows(/\/quit +ends the connection/)
    type('/nope\r')
    await errors.shows(/There is no \/nope\. See \/help; to send this text: "\/nope"/)
    type('/quit\r')
    assert.equal(await done, 0)
    assert.equal(output.text(), 'hello\n')
  })

  it('keeps what is being typed when something arrives', async () => {
    const { type, output, errors, done } = begin()
    await errors.shows(/open over ws/)
    type('half')
    await errors.shows(/half/)
    server.peers.broadcast('news')
    await output.shows(/news/)
    await errors.shows(/half[\s\S]*> half/)
    type(' a line\r')
    await output.shows(/half a line/)
    type('\x04')
    assert.equal(await done, 0)
  })

  it('ends with Ctrl-C', async () => {
    const { type, errors, done } = begin()
    await errors.shows(/open over ws/)
    type('\x03')
    assert.equal(await done, 0)
  })

  it('says why the server ended the connection', async () => {
    const { errors, done } = begin()
    await errors.shows(/open over ws/)
    for (const peer of server.peers) peer.end(4500, 'enough \x1b[31mof you')
    assert.equal(await done, 1)
    assert.match(errors.text(), /closed: 4500 enough \\u001b\[31mof you/)
  })
})

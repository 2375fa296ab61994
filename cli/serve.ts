import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import type { Server as HttpServer } from 'node:http'
import { parseArgs } from 'node:util'
import { createServer } from '../index.ts'
import type { Parser } from '../lib/parser.ts'
import { DONE, misuse, parseNumber } from './command.ts'
import type { Command } from './command.ts'
import { describe, printable } from './format.ts'
import { onInterrupt } from './interrupt.ts'
import { servePage } from './page.ts'
import { installedParsers } from './parsers.ts'
import { serveFolder } from './static.ts'
import type { Streams } from './streams.ts'

const HELP = `anywire serve: a server to try things out with. Its page / connects to it.

  --echo              what a client writes comes back to it; the default
  --broadcast         what a client writes goes to all others
  --port <n>          default 8080; 0 for any that is free
  --host <address>    default localhost; 0.0.0.0 for everybody on the network
  --path <path>       default /anywire
  --origin <origin>   pages of this origin may connect too, such as https://example.com; again for more; '*' for all
  --static <folder>   serves the files of a folder, in the place of the page
  --verbose           prints who comes and goes, and every value

It takes clients of the parsers json, raw, and msgpack where @msgpack/msgpack is installed.
Browsers find the client at <path>/client.js. Ctrl-C closes the server, and tells clients when to come back.
`

/** The values of raw are none that the other parsers share: text that is JSON is text there. */
const understands = (one: string, other: string): boolean => (one === 'raw') === (other === 'raw')

interface Settings {
  readonly path: string
  readonly parsers: readonly Parser[]
  readonly broadcast: boolean
  readonly origins: readonly string[]
  readonly verbose: boolean
}

const start = (
  http: HttpServer,
  { path, parsers, broadcast, origins, verbose }: Settings,
  { output, errors }: Pick<Streams, 'output' | 'errors'>
) => {
  const log = (text: string): void => {
    if (verbose) output.write(`${printable(text)}\n`)
  }
  const allowed = origins.includes('*') ? '*' : origins
  const server = createServer(http, {
    path,
    parsers,
    ...(allowed.length > 0 && { origins: allowed })
  })
  server.on('refused', ({ code, message }, { address }) => log(`! ${address}: ${code}: ${message}`))
  server.on('error', ({ message, cause }, { stage }) => {
    errors.write(
      `${printable(`anywire serve: ${stage}: ${message}${cause instanceof Error ? `: ${cause.message}` : ''}`)}\n`
    )
  })
  server.on('connection', peer => {
    const name = peer.id.slice(0, 8)
    log(`+ ${name}  ${peer.transformer}, ${peer.parser.name}, ${peer.address}`)
    peer.on('data', value => {
      log(`> ${name}  ${describe(value)}`)
      if (broadcast) {
        server.peers.broadcast(value, {
          except: peer,
          where: other => understands(other.parser.name, peer.parser.name)
        })
      } else if (!peer.write(value)) {
        peer.pause()
        peer.once('drain', () => peer.resume())
      }
    })
    peer.on('disconnect', ({ code, reason }) => log(`~ ${name}  disconnected: ${code} ${reason}`))
    peer.on('open', ({ recovered }) => recovered && log(`~ ${name}  is back`))
    peer.on('close', ({ code, reason }) => log(`- ${name}  ${code} ${reason}`))
  })
  return server
}

const listen = async (http: HttpServer, port: number, host: string): Promise<number> => {
  try {
    http.listen(port, host)
    await once(http, 'listening')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
      throw new Error(`port ${port} is taken: name another one with --port`, { cause: error })
    }
    throw error
  }
  const address = http.address()
  return typeof address === 'object' && address ? address.port : port
}

export const serveCommand: Command = {
  help: HELP,
  async run(args, { output, errors }) {
    const { values } = parseArgs({
      args,
      options: {
        port: { type: 'string', default: '8080' },
        host: { type: 'string', default: 'localhost' },
        path: { type: 'string', default: '/anywire' },
        origin: { type: 'string', multiple: true, default: [] },
        static: { type: 'string' },
        echo: { type: 'boolean', default: false },
        broadcast: { type: 'boolean', default: false },
        verbose: { type: 'boolean', default: false }
      }
    })
    const { host, path, echo, broadcast, verbose } = values
    if (echo && broadcast) throw misuse('--echo or --broadcast, not both')
    // Browsers resolve the dots before they ask.
    if (!/^(\/(?!\.\.?(\/|$))[\w.~-]+)+$/.test(path)) throw misuse(`--path is one like /anywire, and not '${path}'`)
    const port = parseNumber('port', values.port, 65_535)
    const http = createHttpServer(values.static === undefined ? servePage(path) : serveFolder(values.static))
    const parsers = await installedParsers()
    const server = start(http, { path, parsers, broadcast, origins: values.origin, verbose }, { output, errors })
    const { host: name, origin } = new URL(
      `http://${host.includes(':') ? `[${host}]` : host}:${await listen(http, port, host)}`
    )
    output.write(`Listening on ${origin}${path}\n`)
    if (output.isTTY) output.write(`Open ${origin} in a browser, or run: anywire connect ${name}${path}\n`)
    await new Promise<void>(resolve => onInterrupt(resolve))
    await server.close()
    http.close()
    http.closeAllConnections()
    return DONE
  }
}

import { parseArgs } from 'node:util'
import { connect } from '../lib/client.ts'
import { offline } from '../plugins/offline/index.ts'
import { reconnect } from '../plugins/reconnect/client.ts'
import { wires } from '../plugins/wires/client.ts'
import { engineio } from '../transformers/engine.io/index.ts'
import { webtransport } from '../transformers/webtransport/index.ts'
import { ws } from '../transformers/ws/index.ts'
import { choose, misuse, parseNumber } from './command.ts'
import type { Command } from './command.ts'
import { describe, printable, toLine, toPretty } from './format.ts'
import { parsers } from './parsers.ts'
import { Session } from './session.ts'
import type { SessionOptions } from './session.ts'
import { Terminal } from './terminal.ts'

const HELP = `anywire connect <url>: a client in the terminal. Lines that you type are sent, values that arrive are printed.

  --parser json|msgpack|raw   default json
  --transformer <names>       ws, engine.io, webtransport: one, or several with commas, the best first; default ws
  --auth <json>               for the server's authenticate, or a text that is no JSON; so does the variable ANYWIRE_AUTH,
                              which other users cannot see
  --json                      lines are JSON, and what is not is refused; values are printed as JSON, one a line
  --raw                       lines are sent as they are; texts and bytes are printed as they are
  --once                      ends after the first value that arrives
  --listen                    reads no lines
  --attempts <n>              how often in a row it tries again before it gives up; default: for ever for a person, 5 for a pipe

Without --json and --raw, a line is JSON, or else a text. In a terminal, /ping, /wire, /stats, /quit and /help
are commands.
A pipe is read to its end; then the connection ends, once everything is sent.
Values are printed on the standard output, everything else on the standard error.
Exit codes: 0 done, 1 refused or failed, 2 not understood.

  anywire connect localhost:8080
  echo '{"hello":"world"}' | anywire connect wss://example.com/anywire --once
`

const TRANSFORMERS = { ws, 'engine.io': engineio, webtransport }

/** Reads the URL; a mere host and port is one of http. */
const parseUrl = (text: string | undefined, rest: readonly string[]): URL => {
  if (text === undefined || rest.length > 0) throw misuse('name one URL')
  const full = /^[a-z][a-z\d+.-]*:\/\//i.test(text) ? text : `http://${text}`
  if (!URL.canParse(full)) throw misuse(`'${text}' is no URL`)
  const url = new URL(full)
  if (!['http:', 'https:', 'ws:', 'wss:'].includes(url.protocol))
    throw misuse(`'${url.protocol}' is not http:, https:, ws: or wss:`)
  return url
}

const parseJsonOr = <T>(text: string, otherwise: (text: string) => T): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return otherwise(text)
  }
}

/** What begins as JSON was meant to be some: mostly a shell has taken its quotes. It may be a secret, so it is not told. */
const parseAuth = (text: string, source: string): unknown =>
  parseJsonOr(text, other => {
    if (!/^\s*["[{]/.test(other)) return other
    throw misuse(`${source} is no JSON, though it begins so: put it in quotes of the shell: '{"token":"…"}'`)
  })

/** How lines become values: see `--json` and `--raw`. */
const makeRead = (mode: 'json' | 'raw' | 'either', terminal: Terminal): SessionOptions['read'] => {
  let told = false
  return line => {
    if (mode === 'raw') return { value: line }
    if (line.trim() === '') return undefined
    return {
      value: parseJsonOr(line, text => {
        if (mode === 'json') throw new SyntaxError(`not JSON, and not sent: ${text}`)
        if (!told) terminal.tell('That is not JSON: it is sent as a text, and so are all others that are not.')
        told = true
        return text
      })
    }
  }
}

const makeShow = (mode: 'json' | 'raw' | 'either', { pretty, colors }: Terminal): SessionOptions['show'] => {
  if (mode === 'raw') {
    return value => {
      if (value instanceof Uint8Array && !pretty) return value
      const text = typeof value === 'string' ? value : pretty ? describe(value) : toLine(value)
      return `${pretty ? printable(text) : text}\n`
    }
  }
  return value => `${pretty && mode === 'either' ? toPretty(value, colors) : toLine(value)}\n`
}

export const connectCommand: Command = {
  help: HELP,
  async run(args, streams) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        parser: { type: 'string', default: 'json' },
        transformer: { type: 'string', default: 'ws' },
        auth: { type: 'string' },
        attempts: { type: 'string' },
        json: { type: 'boolean', default: false },
        raw: { type: 'boolean', default: false },
        once: { type: 'boolean', default: false },
        listen: { type: 'boolean', default: false }
      }
    })
    const [first, ...rest] = positionals
    const url = parseUrl(first, rest)
    if (values.json && values.raw) throw misuse('--json or --raw, not both')
    const parser = await choose('parser', values.parser, parsers)()
    if (values.json && parser.name === 'raw') throw misuse('--json needs a parser of values: json or msgpack')
    const transformers = values.transformer.split(',').map(name => choose('transformer', name, TRANSFORMERS)())
    const [auth, source] =
      values.auth === undefined ? [process.env['ANYWIRE_AUTH'], 'ANYWIRE_AUTH'] : [values.auth, '--auth']
    const terminal = new Terminal(streams)
    const patience = terminal.interactive ? Infinity : 5
    const attempts = values.attempts === undefined ? patience : parseNumber('attempts', values.attempts, 1_000_000)
    const mode = values.json ? 'json' : values.raw || parser.name === 'raw' ? 'raw' : 'either'
    const client = connect(url, {
      transformers,
      parser,
      ...(auth !== undefined && { auth: parseAuth(auth, source) }),
      plugins: [reconnect({ attempts }), offline(), wires()],
      open: false
    })
    const session = new Session(client, terminal, {
      once: values.once,
      listen: values.listen,
      read: makeRead(mode, terminal),
      show: makeShow(mode, terminal)
    })
    client.open()
    return session.run()
  }
}

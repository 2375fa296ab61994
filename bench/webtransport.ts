// What the WebTransport transformer adds to a session of its package, over HTTP/2: server CPU per echoed value, as a ratio.
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type * as Anywire from '../index.ts'
import type { Data, Receiver, Wire } from '../core.ts'
import type * as Frames from '../transformers/webtransport/frame.ts'
import type * as Transformer from '../transformers/webtransport/index.ts'
import { message } from './message.ts'

// bench/ is a package of its own, so it cannot import what was built by name.
const built = (path: string): Promise<unknown> => import(new URL(`../dist/${path}`, import.meta.url).href)
const { generateCertificate, webtransport } = (await built('transformers/webtransport/index.js')) as typeof Transformer

const SESSIONS = 20
const ROUNDS = 9
const SECONDS = 0.7
const KINDS = ['bare', 'anywire'] as const

type Kind = (typeof KINDS)[number]
interface Started {
  readonly port: number
  readonly hash: readonly number[]
}

const serveAnywire = async (): Promise<Started> => {
  const { createServer } = (await built('index.js')) as typeof Anywire
  const certificate = generateCertificate()
  const transformer = webtransport({ ...certificate, port: 0, host: '127.0.0.1' })
  const server = createServer({ transformers: [transformer], limits: { rate: false } })
  server.on('connection', peer => peer.on('data', value => peer.write(value)))
  return { port: await transformer.listening, hash: [...certificate.hash] }
}

/** The package alone, with the same frames: each value is read, and written by itself. */
const serveBare = async (): Promise<Started> => {
  const { Http2Server } = await import('@fails-components/webtransport')
  const { encode, makeDecoder, TEXT } = (await built('transformers/webtransport/frame.js')) as typeof Frames
  const { cert, key, hash } = generateCertificate()
  const server = new Http2Server({ host: '127.0.0.1', port: 0, cert, privKey: key, secret: 'bench' })
  server.setRequestCallback(async () => ({ path: '/', status: 200 }))
  server.startServer()
  await server.ready
  const utf8 = new TextDecoder()
  const echo = async (session: WebTransport): Promise<void> => {
    await session.ready
    const { value: stream } = await session.incomingBidirectionalStreams.getReader().read()
    const writer = stream?.writable.getWriter()
    const decode = makeDecoder((kind, payload) => {
      if (kind === TEXT) void writer?.write(encode(TEXT, JSON.stringify(JSON.parse(utf8.decode(payload)))))
    })
    const reader = stream?.readable.getReader()
    for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) decode(next.value)
  }
  void (async () => {
    const sessions = server.sessionStream('/').getReader()
    for (let next = await sessions.read(); !next.done; next = await sessions.read()) {
      echo(next.value as WebTransport).catch(() => {})
    }
  })()
  return { port: Number(Object(server.address()).port), hash: [...hash] }
}

/** A server in a process of its own, and clients that echo what it echoes. */
class Contestant {
  readonly #process: ChildProcess
  readonly #kind: Kind
  #echoed = 0
  #echoing = false
  readonly #wires: Wire[] = []
  readonly #text = JSON.stringify(message(0))

  constructor(kind: Kind) {
    this.#kind = kind
    this.#process = fork(fileURLToPath(import.meta.url), [kind], { execArgv: ['--import', 'tsx'] })
  }

  async open(): Promise<void> {
    const [{ port, hash }] = (await once(this.#process, 'message')) as [Started]
    const serverCertificateHashes = [{ algorithm: 'sha-256', value: Uint8Array.from(hash) }] as const
    const transformer = webtransport({ serverCertificateHashes })
    for (let index = 0; index < SESSIONS; index++) {
      await new Promise<void>((resolve, reject) => {
        transformer.dial(
          new URL(`https://127.0.0.1:${port}/anywire?anywire=1`),
          this.#receiver(resolve, reject),
          new AbortController().signal
        )
      })
    }
  }

  /** @returns microseconds of the server's CPU for each value */
  async round(inFlight: number): Promise<number> {
    const before = await this.#cpu()
    const echoed = this.#echoed
    this.#echoing = true
    for (const wire of this.#wires) for (let count = 0; count < inFlight; count++) wire.send(this.#text)
    await sleep(SECONDS * 1_000)
    this.#echoing = false
    await sleep(200)
    return ((await this.#cpu()) - before) / (this.#echoed - echoed)
  }

  stop(): void {
    this.#process.kill('SIGKILL')
  }

  async #cpu(): Promise<number> {
    this.#process.send('cpu')
    const [cpu] = (await once(this.#process, 'message')) as [number]
    return cpu
  }

  #receiver(resolve: () => void, reject: (error: Error) => void): Receiver {
    let wire: Wire | undefined
    let taken = 0
    const open = (): void => {
      if (wire) this.#wires.push(wire)
      resolve()
    }
    const heard = (data: Data): void => {
      if (data === this.#text) {
        this.#echoed++
        // As anywire's own client acknowledges.
        if (++taken % 512 === 0 && this.#kind === 'anywire') wire?.send(`!3${taken}`)
        if (this.#echoing) wire?.send(this.#text)
      } else if (data.slice(0, 2) === '!1') open()
      else if (data.slice(0, 2) === '!4') wire?.send(`!5${taken}`)
    }
    return {
      open: opened => {
        wire = opened
        if (this.#kind === 'bare') open()
        else wire.send('!0{"v":1,"parser":"json","plugins":[],"window":1048576,"limit":1048576}')
      },
      message: heard,
      drain: () => {},
      close: (code, reason, error) => reject(error ?? new Error(`${code} ${reason}`))
    }
  }
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN

const [, , kind] = process.argv
if (kind) {
  const started = await (kind === 'bare' ? serveBare() : serveAnywire())
  process.on('message', () => {
    const { user, system } = process.cpuUsage()
    process.send?.(user + system)
  })
  process.on('disconnect', () => process.exit())
  process.send?.(started)
} else {
  console.log('server CPU per echoed value over WebTransport (HTTP/2), anywire to a bare session; budget ≤ 1.10')
  for (const inFlight of [100, 1]) {
    const contestants = KINDS.map(name => new Contestant(name))
    for (const contestant of contestants) await contestant.open()
    for (const contestant of contestants) await contestant.round(inFlight)
    const ratios: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const costs: number[] = []
      for (const contestant of contestants) costs.push(await contestant.round(inFlight))
      const [bare = NaN, anywire = NaN] = costs
      ratios.push(anywire / bare)
    }
    for (const contestant of contestants) contestant.stop()
    console.log(
      `${inFlight} in flight: ×${median(ratios).toFixed(2)} (${ratios.map(ratio => ratio.toFixed(2)).join(' ')})`
    )
  }
  process.exit()
}

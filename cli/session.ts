import type { Client } from '../lib/client.ts'
import type { End } from '../lib/connection.ts'
import { GIVEN_UP } from '../lib/link.ts'
import type { Offline } from '../plugins/offline/client.ts'
import type { Reconnect } from '../plugins/reconnect/client.ts'
import { DONE, FAILED } from './command.ts'
import { onInterrupt } from './interrupt.ts'
import type { Terminal } from './terminal.ts'

export interface SessionOptions {
  /** Ends after the first value that arrives. */
  readonly once: boolean
  /** Reads no lines. */
  readonly listen: boolean
  /** Makes the value of a line; undefined: there is none. */
  read(line: string): { readonly value: unknown } | undefined
  /** Makes what is printed for a value. */
  show(value: unknown): string | Uint8Array
}

export type SessionClient = Client & { readonly offline: Offline; readonly reconnect: Reconnect }

const HELP = `A line is a value to send.
/ping   the time there and back
/wire   which transformers there are; /wire <name> moves the connection to another one
/stats  what happened so far
/quit   ends the connection; so do Ctrl-C and Ctrl-D`

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`

/** A conversation in the terminal: lines become values, and values lines. */
export class Session {
  readonly #client: SessionClient
  readonly #terminal: Terminal
  readonly #options: SessionOptions
  readonly #closed: Promise<End>
  readonly #since = performance.now()
  #sent = 0
  #received = 0
  /** The other end is behind. */
  #full = false
  /** This end wants the end. */
  #ending = false
  #failed = false

  constructor(client: SessionClient, terminal: Terminal, options: SessionOptions) {
    this.#client = client
    this.#terminal = terminal
    this.#options = options
    this.#closed = new Promise(resolve => {
      client.on('close', end => {
        if (!end.reconnect) resolve(end)
      })
    })
    this.#watch()
  }

  /** @returns the exit code */
  async run(): Promise<number> {
    const undo = onInterrupt(() => (this.#ending ? this.#client.destroy() : this.#end()))
    const printed = this.#print()
    // Whoever reads lines may wait for one that never comes.
    if (!this.#options.listen) void this.#send().catch((error: unknown) => this.#fail(String(error)))
    const { code, reason } = await this.#closed
    await printed
    this.#terminal.close()
    undo()
    if (!this.#ending) this.#terminal.tell(`closed: ${code} ${reason}`)
    return this.#failed || (!this.#ending && code !== 1000) ? FAILED : DONE
  }

  #watch(): void {
    const { offline, reconnect } = this.#client
    const tell = (text: string): void => this.#terminal.tell(text)
    this.#client.on('open', ({ recovered }) => {
      tell(`open over ${this.#client.transformer}${recovered ? ', recovered' : ''}`)
    })
    this.#client.on('migrate', ({ from, to }) => tell(`moved from ${from} to ${to}`))
    this.#client.on('disconnect', ({ code, reason }) => tell(`disconnected: ${code}${reason && ` ${reason}`}`))
    this.#client.on('attempt', ({ transformer, error }) => {
      if (error && error.message !== GIVEN_UP)
        tell(`not connected over ${transformer}: ${error.status} ${error.message}`)
    })
    this.#client.on('drain', () => {
      this.#full = false
    })
    this.#client.on('close', ({ code, reason, reconnect }) => reconnect && tell(`session lost: ${code} ${reason}`))
    this.#client.on('lost', ({ values }) => this.#fail(`perhaps not received: ${count(values.length, 'value')}`))
    this.#client.on('error', ({ message }) => tell(message))
    reconnect.on('stop', ({ attempts }) =>
      tell(`given up after ${attempts} ${attempts === 1 ? 'retry' : 'retries'}: --attempts says how many`)
    )
    reconnect.on('schedule', ({ attempt, delay }) => tell(`retry ${attempt} in ${(delay / 1000).toFixed(1)} s`))
    offline.on('discard', ({ reason }) => this.#fail(`a value was not sent: ${reason}`))
  }

  async #print(): Promise<void> {
    for await (const value of this.#client) {
      this.#received++
      await this.#terminal.print(this.#options.show(value))
      if (this.#options.once) return this.#end()
    }
  }

  async #send(): Promise<void> {
    const { interactive } = this.#terminal
    if (!interactive) await this.#room()
    for await (const line of this.#terminal.lines()) {
      if (this.#client.state === 'closed' || this.#ending) return
      if (interactive && /^\/\w*$|^\/wire /.test(line)) await this.#command(line)
      else this.#write(line)
      // A person may write while there is no connection; a pipe can wait.
      if (interactive) this.#terminal.prompt()
      else await this.#room()
    }
    if (this.#options.once && !interactive) return
    if (!interactive) await this.#answered()
    this.#end()
  }

  /** Resolves when what the server answers at once has arrived, the last line included. */
  async #answered(): Promise<void> {
    // The first pong may overtake answers that are written in the turn of the ping; the second one cannot.
    let pongs = 0
    for (let pings = 0; pings < 10 && pongs < 2 && !this.#ending; pings++) {
      await this.#room()
      pongs += await this.#client.ping().then(
        () => 1,
        () => 0
      )
    }
  }

  #write(line: string): void {
    try {
      const read = this.#options.read(line)
      if (!read) return
      this.#full = !this.#client.write(read.value)
      this.#sent++
    } catch (error) {
      this.#fail(error instanceof Error ? error.message : String(error))
    }
  }

  /** Resolves when the connection is open and takes values, or over. */
  #room(): Promise<void> {
    const client = this.#client
    return new Promise(resolve => {
      const check = (): void => {
        if (client.state !== 'closed' && (client.state !== 'open' || this.#full)) return
        for (const undo of undos) undo()
        resolve()
      }
      const undos = (['open', 'drain', 'close'] as const).map(event => client.on(event, check))
      check()
    })
  }

  async #command(line: string): Promise<void> {
    const tell = (text: string): void => this.#terminal.tell(text)
    if (line === '/quit') this.#end()
    else if (line === '/stats') tell(this.#stats())
    else if (line === '/ping') {
      tell(
        await this.#client.ping().then(
          time => `${time.toFixed(1)} ms`,
          (error: unknown) => (error instanceof Error ? error.message : String(error))
        )
      )
    } else if (line === '/wire')
      tell(`${this.#client.transformer} is in use; the server has ${this.#client.offers.join(', ')}`)
    else if (line.startsWith('/wire ')) {
      await this.#client.migrate(line.slice(6).trim()).catch((error: unknown) => {
        tell(`it stays as it is: ${error instanceof Error ? error.message : String(error)}`)
      })
    } else
      tell(line === '/help' || line === '/' ? HELP : `There is no ${line}. See /help; to send this text: "${line}"`)
  }

  #stats(): string {
    const { state, transformer, id, bufferedBytes, offline } = this.#client
    return [
      transformer === '' ? state : `${state} over ${transformer}`,
      ...(id === '' ? [] : [`session ${id.slice(0, 8)}`]),
      `${this.#sent} sent`,
      `${this.#received} received`,
      `${count(bufferedBytes, 'byte')} not acknowledged`,
      `${count(offline.size, 'value')} waiting for a connection`,
      `${Math.round((performance.now() - this.#since) / 1000)} s`
    ].join(', ')
  }

  #fail(text: string): void {
    // A person has seen it, and goes on.
    if (!this.#terminal.interactive) this.#failed = true
    this.#terminal.tell(text)
  }

  #end(): void {
    if (this.#ending) return
    this.#ending = true
    this.#client.end()
    const { state, bufferedBytes } = this.#client
    if (state !== 'open' && state !== 'closed') {
      this.#terminal.tell(`waiting for a connection to send ${count(bufferedBytes, 'byte')}; Ctrl-C leaves without`)
    }
  }
}

import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Interface } from 'node:readline'
import { printable } from './format.ts'
import type { Streams } from './streams.ts'

/** Lines from a person or a pipe, and what is printed meanwhile: it never mixes with the line that is being typed. */
export class Terminal {
  /** Whether a person types. */
  readonly interactive: boolean
  /** Whether a person reads the values. */
  readonly pretty: boolean
  readonly colors: boolean
  readonly #streams: Streams
  #reader: Interface | undefined

  constructor(streams: Streams) {
    const { input, output } = streams
    this.#streams = streams
    this.interactive = input.isTTY === true
    this.pretty = output.isTTY === true
    this.colors = this.pretty && !process.env['NO_COLOR']
  }

  /** The lines, until the end of the input or `close`. To be called once: what comes before is not lost. */
  lines(): AsyncIterable<string> {
    const { input, errors } = this.#streams
    const reader = createInterface({ input, ...(this.interactive && { output: errors, terminal: true }), prompt: '> ' })
    this.#reader = reader
    // A terminal that is read key by key sends no signals.
    reader.on('SIGINT', () => process.kill(process.pid, 'SIGINT'))
    if (this.interactive) reader.prompt()
    return reader
  }

  /** Prints a value. Resolves when there is room for the next one. */
  async print(data: string | Uint8Array): Promise<void> {
    const { output } = this.#streams
    this.#hide()
    const room = output.write(data)
    this.prompt()
    if (!room) await once(output, 'drain')
  }

  /** Tells what is no value. */
  tell(text: string): void {
    const { errors } = this.#streams
    const line = printable(text)
    this.#hide()
    errors.write(errors.isTTY && !process.env['NO_COLOR'] ? `\x1b[2m${line}\x1b[22m\n` : `${line}\n`)
    this.prompt()
  }

  /** Shows the prompt, and what was typed behind it so far. */
  prompt(): void {
    if (this.interactive) this.#reader?.prompt(true)
  }

  /** Ends the lines, whatever is still in the input. */
  close(): void {
    this.#hide()
    this.#reader?.close()
    this.#reader = undefined
    this.#streams.input.destroy()
  }

  #hide(): void {
    if (this.interactive && this.#reader) this.#streams.errors.write('\r\x1b[J')
  }
}

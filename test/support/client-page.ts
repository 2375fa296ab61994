// What runs in the browser, bundled: a client, and what the tests ask of it.
import { connect } from '../../browser.ts'
import { engineio } from '../../transformers/engine.io/client.ts'
import type { BrowserEngineOptions } from '../../transformers/engine.io/client.ts'
import { ws } from '../../transformers/ws/client.ts'

/** Wires that a page can be told to use. */
const KINDS = {
  ws: () => ws(),
  polling: (options?: BrowserEngineOptions) => engineio({ upgrade: false, ...options }),
  upgrading: () => engineio()
}

export type Kind = keyof typeof KINDS

const make = (transformers: readonly Kind[]) =>
  connect('/', {
    transformers: transformers.map(kind => KINDS[kind]()),
    reconnect: { min: 50, max: 200 },
    wires: { upgrade: false, remember: 0 }
  })

let client: ReturnType<typeof make>
const values: unknown[] = []
const story: string[] = []

export const start = (transformers: readonly Kind[]): void => {
  client = make(transformers)
  client.on('data', value => values.push(value))
  client.on('open', ({ recovered }) => story.push(recovered ? 'recovered' : 'open'))
  client.on('migrate', ({ from, to }) => story.push(`${from} to ${to}`))
  client.on('disconnect', () => story.push('disconnect'))
  client.on('close', ({ code }) => story.push(`close ${code}`))
  client.on('lost', ({ values: lost }) => story.push(`lost ${lost.length}`))
  client.on('error', ({ code }) => story.push(code))
}

export const state = (): string => client.state
export const transformer = (): string => client.transformer
export const told = (): readonly string[] => story
export const received = (): number => values.length
export const waiting = (): number => client.offline.size

/** Writes the numbers from `from` on. */
export const count = (from: number, to: number): void => {
  for (let number = from; number < to; number++) client.write(number)
}

/** What came, where it is not the numbers from 0 on. */
export const disorder = (): unknown => values.find((value, index) => value !== index)

const next = (amount: number): Promise<unknown[]> =>
  new Promise(resolve => {
    const got: unknown[] = []
    const undo = client.on('data', value => {
      if (got.push(value) < amount) return
      undo()
      resolve(got)
    })
  })

/** Has values echoed; bytes are told as their sum and length. */
export const echo = async (all: readonly unknown[]): Promise<unknown[]> => {
  const answers = next(all.length)
  for (const value of all) client.write(value)
  return answers
}

/** Has a text of that length echoed: whether it is the same. To bring it here, and take it back, would take longer. */
export const echoText = async (length: number): Promise<boolean> => {
  const text = 'y'.repeat(length)
  return (await echo([text]))[0] === text
}

/** Has bytes of so many sizes echoed: what came back that is the same. */
export const echoBytes = async (sizes: readonly number[]): Promise<number[]> => {
  const sent = sizes.map(size => Uint8Array.from({ length: size }, (_, index) => index))
  const got = await echo(sent)
  return got
    .filter((bytes, index) => bytes instanceof Uint8Array && bytes.every((byte, at) => byte === sent[index]?.[at]))
    .map(bytes => (bytes as Uint8Array).length)
}

let pumped = 0

/** Writes so many pieces of ten kilobytes, and waits when it is told to. */
export const pump = async (amount: number): Promise<void> => {
  const piece = 'x'.repeat(10_000)
  while (pumped < amount) {
    pumped++
    if (!client.write(piece)) await new Promise<void>(resolve => client.once('drain', () => resolve()))
  }
}

/** How many pieces were written, and how many bytes of them nobody took. */
export const progress = (): [pumped: number, buffered: number] => [pumped, client.bufferedBytes]

export const migrate = (name: string): Promise<void> => client.migrate(name)

export const end = (): void => client.end(4000, 'done')

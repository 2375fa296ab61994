import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { inspect } from 'node:util'
import { brotliCompressSync } from 'node:zlib'
import { buildSync } from 'esbuild'
import { json } from '../parsers/json.ts'
import { msgpack } from '../parsers/msgpack.ts'

/*
 * The parsers against the libraries that they could have been made of: time, size, and what becomes of values and messages
 * that matter to a server. docs/parsers has the result. `@msgpack/msgpack` has the limits that it offers, as long as the
 * message; what anywire adds to it is another matter. Libraries that are not there are left out:
 *
 *     npm --prefix bench ci --ignore-scripts
 *     node --import tsx bench/parsers.ts
 */
interface Codec {
  readonly name: string
  /** What a browser would load. */
  readonly source: string
  readonly encode: (value: unknown) => string | Uint8Array
  readonly decode: (data: string | Uint8Array) => unknown
  /** With limits that are made for one message. */
  readonly decodeHostile?: (data: Uint8Array) => unknown
}

interface Msgpack {
  Encoder: new (options: object) => { encode(value: unknown): Uint8Array }
  Decoder: new (options: object) => { decode(data: unknown): unknown }
}

interface Msgpackr {
  Packr: new (options: object) => { pack(value: unknown): Uint8Array; unpack(data: unknown): unknown }
}

interface Notepack {
  encode(value: unknown): Uint8Array
  decode(data: unknown): unknown
}

const ROUNDS = 500
const BATCH = 200

const load = createRequire(import.meta.url)
const root = fileURLToPath(new URL('..', import.meta.url))

const available = (open: () => Codec): Codec[] => {
  try {
    return [open()]
  } catch (error) {
    process.stdout.write(`left out: ${String(error).split('\n')[0]}\n`)
    return []
  }
}

const ours = { json: json(), msgpack: msgpack() }

const codecs: readonly Codec[] = [
  {
    name: 'JSON',
    source: '',
    encode: value => JSON.stringify(value),
    decode: data => JSON.parse(String(data)) as unknown
  },
  {
    name: 'anywire json',
    source: `export { json } from '${root}parsers/json.ts'`,
    encode: value => ours.json.encode(value),
    decode: data => ours.json.decode(data)
  },
  {
    name: 'anywire msgpack',
    source: `export { msgpack } from '${root}parsers/msgpack.ts'`,
    encode: value => ours.msgpack.encode(value),
    decode: data => ours.msgpack.decode(data)
  },
  ...available(() => {
    const { Encoder, Decoder } = load('@msgpack/msgpack') as Msgpack
    const encoder = new Encoder({ useBigInt64: true })
    const decoder = new Decoder({ useBigInt64: true })
    const limited = (length: number): object => ({
      useBigInt64: true,
      maxArrayLength: length,
      maxMapLength: length,
      maxStrLength: length,
      maxBinLength: length,
      maxExtLength: length
    })
    return {
      name: '@msgpack/msgpack',
      source: `export { Encoder, Decoder, ExtensionCodec } from '@msgpack/msgpack'`,
      encode: value => encoder.encode(value),
      decode: data => decoder.decode(data),
      decodeHostile: data => new Decoder(limited(data.length)).decode(data)
    }
  }),
  ...available(() => {
    const { Packr } = load('msgpackr/index-no-eval') as Msgpackr
    const packr = new Packr({ useRecords: false, moreTypes: true, variableMapSize: true })
    return {
      name: 'msgpackr/index-no-eval',
      source: `export { Packr } from 'msgpackr/index-no-eval'`,
      encode: value => packr.pack(value),
      decode: data => packr.unpack(data)
    }
  }),
  ...available(() => {
    const notepack = load('notepack.io') as Notepack
    return {
      name: 'notepack.io',
      source: `export * from 'notepack.io'`,
      encode: value => notepack.encode(value),
      decode: data => notepack.decode(Buffer.from(data))
    }
  })
]

const flat = {
  id: 12345,
  type: 'message',
  user: 'ada lovelace',
  text: 'hello, world',
  at: 1700000000,
  ok: true,
  n: 1.5
}
const samples = {
  flat,
  nested: {
    id: 12345,
    user: { name: 'ada', tags: ['a', 'b', 'c'] },
    at: 1700000000,
    pos: { x: 1.5, y: 2.5, z: 0 },
    o: [1, 2, 3]
  },
  '20 flat': Array.from({ length: 20 }, () => flat)
}

const bytesOf = (message: unknown): Uint8Array =>
  message instanceof Uint8Array ? new Uint8Array(message) : new TextEncoder().encode(String(message))

/** Nanoseconds per call. */
const time = (act: () => unknown): number => {
  const start = performance.now()
  for (let index = 0; index < BATCH; index++) act()
  return ((performance.now() - start) / BATCH) * 1e6
}

const median = (numbers: readonly number[]): string =>
  `${Math.round(numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? NaN)}`

const size = ({ source }: Codec): string => {
  if (!source) return '–'
  const { outputFiles } = buildSync({
    stdin: { contents: source, resolveDir: `${root}bench` },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    external: ['buffer'],
    logLevel: 'silent'
  })
  return `${brotliCompressSync(outputFiles[0]?.contents ?? '').length}`
}

/** Rounds of all codecs take turns, because other programs slow the machine down now and then. */
const speed = (): Map<Codec, string[]> => {
  const acts = codecs.map(codec =>
    Object.values(samples).flatMap(sample => {
      const message = codec.encode(sample)
      return [() => codec.encode(sample), () => codec.decode(message)]
    })
  )
  const times = acts.map(list => list.map((): number[] => []))
  for (let round = 0; round < ROUNDS; round++) {
    for (const [codec, list] of acts.entries())
      for (const [act, run] of list.entries()) times[codec]?.[act]?.push(time(run))
  }
  return new Map(codecs.map((codec, index) => [codec, (times[index] ?? []).map(median)]))
}

const values: Readonly<Record<string, unknown>> = {
  '2n ** 63n - 1n': 2n ** 63n - 1n,
  'new Map([[1, 2]])': new Map([[1, 2]]),
  'new Set([1])': new Set([1]),
  '[undefined]': [undefined],
  'Float64Array.of(1)': Float64Array.of(1),
  '-0': -0,
  'byte order mark, 200 bytes': `\ufeff${'x'.repeat(200)}`,
  'lone surrogate': '\ud800',
  '() => 1': () => 1
}

const hex = (digits: string): Uint8Array => new Uint8Array(Buffer.from(digits, 'hex'))

/** The lies are small enough that every library survives them. */
const messages: Readonly<Record<string, Uint8Array>> = {
  '100,000 levels': hex(`${'91'.repeat(100_000)}01`),
  '50 bytes that claim 10 × 500,000 items': hex('dd0007a120'.repeat(10)),
  '6 KB that claim 2,000 × 6,000 items': hex('dc1770'.repeat(2000)),
  'the key __proto__': hex('81a95f5f70726f746f5f5f81a16101'),
  'a key twice': hex('82a16101a16102'),
  'bad UTF-8': hex('a2ffff'),
  'the unused byte 0xc1': hex('c1'),
  'an unknown extension': hex('d45001')
}

const outcome = (act: () => unknown): string => {
  const memory = process.memoryUsage().heapUsed
  try {
    const result = act()
    return `\`${inspect(result, { breakLength: Infinity, depth: 1 }).replace(/\s+/g, ' ').slice(0, 40)}\``
  } catch (error) {
    const megabytes = Math.round((process.memoryUsage().heapUsed - memory) / 1e6)
    return `throws${megabytes > 5 ? `, having taken ${megabytes} MB` : ''}${error instanceof RangeError && error.message.includes('stack') ? ' (stack overflow)' : ''}`
  }
}

const table = (head: readonly string[], rows: readonly (readonly string[])[]): void => {
  const lines = [head, head.map(() => '---'), ...rows].map(cells => `| ${cells.join(' | ')} |`)
  process.stdout.write(`\n${lines.join('\n')}\n`)
}

const times = speed()
table(
  ['ns, median', ...Object.keys(samples).flatMap(name => [`encode ${name}`, `decode ${name}`]), 'bytes flat', 'brotli'],
  codecs.map(codec => [
    codec.name,
    ...(times.get(codec) ?? []),
    `${bytesOf(codec.encode(samples.flat)).length}`,
    size(codec)
  ])
)
const binary = codecs.slice(2)
table(
  ['', ...binary.map(({ name }) => name)],
  [
    ...Object.entries(values).map(([name, value]) => [
      name,
      ...binary.map(codec => outcome(() => codec.decode(bytesOf(codec.encode(value)))))
    ]),
    ...Object.entries(messages).map(([name, message]) => [
      name,
      ...binary.map(codec => outcome(() => (codec.decodeHostile ?? codec.decode)(message)))
    ])
  ]
)

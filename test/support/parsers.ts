import type { Parser } from '../../core.ts'
import { json } from '../../parsers/json.ts'
import { msgpack } from '../../parsers/msgpack.ts'
import { raw } from '../../parsers/raw.ts'
import { isThorough } from './faults-seed.ts'

export const everyParser: readonly Parser[] = [json(), msgpack(), raw()]

/** Parsers know nothing of wires: each meets some kinds of them, and with FULL=1 all meet all. */
export const withParsers = (...own: readonly Parser[]): readonly Parser[] => (process.env['FULL'] ? everyParser : own)

/** The same, for wires that differ little from others which carry whole connections. Where nobody has time they carry none. */
export const withParsersAtLast = (...own: readonly Parser[]): readonly Parser[] =>
  withParsers(...(isThorough ? own : []))

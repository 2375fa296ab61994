import type { Parser } from '../../lib/parser.ts'
import { json } from '../../parsers/json.ts'
import { broadcastTests } from './connection/broadcast.ts'
import { closingTests } from './connection/closing.ts'
import { handshakeTests } from './connection/handshake.ts'
import { httpTests } from './connection/http.ts'
import { livenessTests } from './connection/liveness.ts'
import { openingTests } from './connection/opening.ts'
import { plainTests } from './connection/plain.ts'
import { recoveryTests } from './connection/recovery.ts'
import { serverTests } from './connection/server.ts'
import { valueTests } from './connection/values.ts'
import { stageTests } from './stage.ts'
import type { Setup } from './stage.ts'
import { wireTests } from './wire.ts'

/**
 * Registers the tests of one transformer with mocha. Every transformer must pass them, whoever wrote it.
 * @param setup - makes a new fixture for each test
 * @param options - `parsers`: those that the tests of whole connections run with. Default: JSON.
 * @example transformerContract('ws', () => overHttp(ws(), ws()))
 */
export const transformerContract = (
  name: string,
  setup: Setup,
  { parsers = [json()] }: { readonly parsers?: readonly Parser[] } = {}
): void => {
  describe(`${name}: the contract of transformers`, () => {
    describe('wires', () => wireTests(setup))
    for (const [index, parser] of parsers.entries()) {
      describe(`connections with ${parser.name}`, () => {
        const test = stageTests(setup, parser)
        describe('values', () => valueTests(test))
        describe('broadcasts', () => broadcastTests(test))
        describe('a lost link', () => recoveryTests(test))
        // The rest has nothing to do with parsers.
        if (index > 0) return
        describe('opening', () => openingTests(test))
        describe('closing', () => closingTests(test))
        describe('plain clients', () => plainTests(test))
        describe('the handshake', () => handshakeTests(test))
        describe('signs of life', () => livenessTests(test))
        describe('the http.Server', () => httpTests(test))
        describe('the server', () => serverTests(test, setup, parser))
      })
    }
  })
}

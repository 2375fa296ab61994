import type { AnyClientOptions } from './client.ts'
import { HELLO } from './frames.ts'
import { PROTOCOL } from './handshake.ts'
import type { Hello, Progress } from './handshake.ts'
import type { Limits } from './limits.ts'

/**
 * What a client says first over each wire.
 * @param session - the token of the session to go on with; '' for a new one
 * @param got - how far the client got with it
 * @param move - whether there is a wire already, so that no new session shall begin
 */
export const writeHello = (
  { parser, plugins = [], schema }: AnyClientOptions,
  { window, message: limit }: Limits,
  auth: unknown,
  session: string,
  got: Progress,
  move: boolean
): string => {
  const hello: Hello = {
    v: PROTOCOL,
    parser: parser.name,
    plugins: plugins.flatMap(({ local, name, version }) => (local ? [] : [[name, version] as const])),
    limit,
    window,
    auth,
    schema,
    ...(session && { session, got, move })
  }
  return HELLO + JSON.stringify(hello)
}

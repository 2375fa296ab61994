import { AnywireError } from '../errors.ts'
import { ERR_PLUGIN, ERR_SCHEMA, ERR_VERSION } from '../failures.ts'
import { PROTOCOL } from '../handshake.ts'
import type { Hello } from '../handshake.ts'
import type { ServerPlugin } from './plugin.ts'

/** Why nothing else that the client says can be understood. Undefined: it can. */
export const findVersionMismatch = ({ v }: Hello): AnywireError | undefined =>
  v === PROTOCOL ? undefined : new AnywireError(ERR_VERSION, `the client speaks ${v}, the server ${PROTOCOL}`)

/** Why a client and this server cannot work together: another schema or plugin. Undefined: they can. */
export const findMismatch = (
  { plugins, schema }: Hello,
  own: readonly ServerPlugin[],
  ownSchema: number | undefined
): AnywireError | undefined => {
  if (ownSchema !== undefined && schema !== ownSchema) {
    return new AnywireError(ERR_SCHEMA, `the client has ${schema ?? 'none'}, the server ${ownSchema}`)
  }
  for (const [name, version] of plugins) {
    const plugin = own.find(other => other.name === name && !other.local)
    if (!plugin) return new AnywireError(ERR_PLUGIN, `the server does not have '${name}'`)
    if (plugin.version === version) continue
    return new AnywireError(
      ERR_PLUGIN,
      `'${name}' has version ${version} on the client, ${plugin.version} on the server`
    )
  }
  return undefined
}

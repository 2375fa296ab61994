import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Undo } from '../emitter.ts'
import { intercept } from './intercept.ts'

/** The sockets of one http.Server that it does not know any more, and what has it close them. */
interface Unknown {
  readonly sockets: Set<Socket>
  readonly undo: Undo
}

const servers = new WeakMap<Server, Unknown>()

/** Has a socket close with all connections of an http.Server, which behind an upgrade does not count it among them; until that is undone. */
export const closingWith = (http: Server, socket: Socket): Undo => {
  // One of HTTP/2 that takes HTTP/1.1 too has nothing that closes all.
  if (!('closeAllConnections' in http)) return () => {}
  const { sockets, undo } = servers.get(http) ?? begin(http)
  sockets.add(socket)
  return () => {
    sockets.delete(socket)
    if (sockets.size || servers.get(http)?.sockets !== sockets) return
    servers.delete(http)
    undo()
  }
}

const begin = (http: Server): Unknown => {
  const sockets = new Set<Socket>()
  const undo = intercept(http, 'closeAllConnections', closeAll => () => {
    closeAll()
    for (const socket of sockets) socket.destroy()
  })
  const unknown = { sockets, undo }
  servers.set(http, unknown)
  return unknown
}

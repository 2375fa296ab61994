import type { During } from '../../../lib/plugin.ts'
import type { Collections } from '../client/engine.ts'
import { Replica } from '../client/replica.ts'
import type { SchemaVersion } from '../core/frame.ts'
import type { Authority } from './authority.ts'

interface OwnOptions {
  readonly collections?: Collections | undefined
  readonly schema?: SchemaVersion | undefined
  readonly now?: (() => number) | undefined
  readonly monotonic?: (() => number) | undefined
}

/** How long it waits before it connects again, in milliseconds. */
const PAUSE = 100

/** @param failed - called when the authority has ended the connection. @returns ends it */
const connect = (authority: Pick<Authority, 'connect'>, replica: Replica, failed: () => void): (() => void) => {
  let isOver = false
  const follower = authority.connect({
    peer: undefined,
    send: bytes => {
      queueMicrotask(() => {
        if (!isOver) replica.receive(bytes)
      })
      return true
    },
    fail: () => {
      if (!isOver) failed()
    }
  })
  replica.connected(bytes => {
    if (!isOver) follower.receive(bytes)
    return true
  })
  return () => {
    if (isOver) return
    isOver = true
    follower.end()
    replica.disconnected()
  }
}

/** A replica of the process itself: what a server has beside its authority, to read and write records as clients do. */
export const ownReplica = (
  authority: Pick<Authority, 'connect'>,
  { collections = {}, schema, now = () => Date.now(), monotonic = () => performance.now() }: OwnOptions,
  during: During
): Replica => {
  const replica = new Replica({ now, monotonic, collections, ...(schema && { schema }) })
  during(() => {
    let end = connect(authority, replica, again)
    let timer: ReturnType<typeof setTimeout> | undefined
    function again(): void {
      end()
      timer = setTimeout(() => (end = connect(authority, replica, again)), PAUSE)
    }
    return () => {
      clearTimeout(timer)
      end()
      replica.ended()
    }
  })
  return replica
}

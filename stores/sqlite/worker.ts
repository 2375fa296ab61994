import { parentPort, workerData } from 'node:worker_threads'
import { AnywireError, textOf } from '../../lib/errors.ts'
import { ERR_STORE } from '../../lib/failures.ts'
import { openDatabase } from './database.ts'
import type { OpenDatabase } from './database.ts'
import type { Reply, Request, ThreadData, ThreadFailure } from './messages.ts'
import { Reader } from './reader.ts'
import { Writer } from './writer.ts'

/*
 * A thread of the store: what SQLite does it does at once, so it would keep the event loop of the process waiting.
 */

const data = workerData as ThreadData

const toFailure = (error: unknown): ThreadFailure => {
  if (!(error instanceof AnywireError)) return { code: 'ERR_STORE', hint: `${data.file}: ${textOf(error)}` }
  const { code, message } = error
  // The other end puts the message of the code before it again.
  return { code: code === 'ERR_MISSING_PACKAGE' ? code : 'ERR_STORE', hint: message.slice(message.indexOf(': ') + 2) }
}

let open: OpenDatabase | undefined
let writer: Writer | undefined
let reader: Reader | undefined

const answer = (request: Request): Omit<Reply, 'id'> => {
  switch (request.type) {
    case 'open':
      open = openDatabase(data)
      if (data.role === 'writer') writer = new Writer(open.database)
      else reader = new Reader(open.database)
      return { opening: open.opening }
    case 'commit': {
      const errors = writer?.commit(request.commits) ?? []
      return { failures: errors.map(error => (error === undefined ? undefined : toFailure(error))) }
    }
    case 'close':
      open?.close()
      parentPort?.close()
      return {}
    case 'rows':
    case 'records':
    case 'entry':
    case 'entries':
      if (!reader) throw new AnywireError(ERR_STORE, `${data.file} is not open`)
      return { pages: reader.read(request) }
  }
}

parentPort?.on('message', ({ id, request }: { id: number; request: Request }) => {
  let reply: Reply
  try {
    reply = { id, ...answer(request) }
  } catch (error) {
    reply = { id, failure: toFailure(error) }
  }
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has none
  parentPort?.postMessage(reply)
})

import { fork } from 'node:child_process'
import { connect } from '../dist/core.js'
import type { ClientPlugin } from '../dist/core.js'
import { encodeFrame } from '../dist/plugins/records/core/client-codec.js'
import { json } from '../dist/parsers/json.js'
import { ws } from '../dist/transformers/ws/index.js'

/*
 * The clients of bench/records-server.ts: they follow one record, and count what they are told.
 */

const [url = '', count = '0'] = process.argv.slice(2)

/** Speaks for a client that follows one record, and does nothing with what it hears. */
const follower = (node: string): ClientPlugin => ({
  name: 'records',
  version: 1,
  client(client, lane) {
    client.on('open', () => {
      const follows = [{ scope: 1, name: 'a/1', query: undefined, epoch: '', since: 0, digest: 0 }]
      const hello = { type: 'hello', version: 1, schema: undefined, asked: 0, nodes: [], follows } as const
      lane.write(encodeFrame({ ...hello, secret: `secret-of-${node}` }))
    })
    lane.on('data', () => {
      heard++
    })
  }
})

let heard = 0

if (process.send) {
  for (let n = 0; n < Number(count); n++) {
    connect(url, { transformers: [ws()], parser: json(), plugins: [follower(`follower${n}`)] })
  }
  process.on('message', () => process.send?.(heard))
  process.on('disconnect', () => process.exit())
}

/** Starts so many clients in a process of their own. */
export const followers = (url: string, count: number) => {
  const child = fork(new URL(import.meta.url), [url, `${count}`], { execArgv: ['--import', 'tsx'] })
  return {
    /** How many deltas and welcomes they have heard in all. */
    heard: (): Promise<number> =>
      new Promise(resolve => {
        child.once('message', heard => resolve(Number(heard)))
        child.send('')
      }),
    end: () => child.disconnect()
  }
}

// A server of records on SQLite, until it is killed: node records-server.mjs PORT FILE WORKER. Prints 'listening'.
import { createServer } from '../../index.ts'
import { records } from '../../plugins/records/index.ts'
import { sqlite } from '../../stores/sqlite/index.ts'

const [port = '0', file = '', worker = ''] = process.argv.slice(2)
const server = createServer({
  port: Number(port),
  client: false,
  plugins: [records({ store: sqlite(file, { worker: new URL(worker) }) })]
})
server.on('listening', () => process.stdout.write('listening\n'))

// A client of records that keeps them in SQLite, and writes until it is killed: node records-client.mjs URL FILE WORKER FIELD.
// Prints the number of each write that is stored.
import { connect } from '../../index.ts'
import { keep, records } from '../../plugins/records/index.ts'
import { sqlite } from '../../stores/sqlite/index.ts'

const [url = '', file = '', worker = '', field = ''] = process.argv.slice(2)
const client = connect(url, {
  reconnect: { min: 5, max: 50 },
  plugins: [records({ persist: keep(sqlite(file, { worker: new URL(worker) })) })]
})
const board = client.records.get<Record<string, number>>('board')
await board.when.ready

const write = async (): Promise<never> => {
  for (let number = board.get(field) ?? 0; ;) {
    const handle = board.set(field, ++number)
    await handle.stored
    process.stdout.write(`${number}\n`)
    await new Promise(resolve => setImmediate(resolve))
  }
}
void write()

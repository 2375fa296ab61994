// A process that writes until it is killed, and prints the number of each commit that it was told is done.
import type { Store } from '../../lib/store.ts'
import { postgres } from '../../stores/postgres/index.ts'
import { sqlite } from '../../stores/sqlite/index.ts'
import { numbered } from './store-numbers.ts'

const [kind, place = '', detail = '', synchronous] = process.argv.slice(2)
const store: Store =
  kind === 'sqlite'
    ? sqlite(place, { worker: new URL(detail), synchronous: synchronous === 'normal' ? 'normal' : 'full' })
    : postgres({ url: place, schema: detail })

await store.open()
let last = Number((await store.entry('last')) ?? 0)

const write = async (): Promise<never> => {
  for (;;) {
    const number = ++last
    await store.commit(numbered(number))
    process.stdout.write(`${number}\n`)
  }
}

// Several at a time, so that some go together.
for (let at = 0; at < 5; at++) void write()

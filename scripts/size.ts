// What a page pays for the client: a table of brotli bytes, for the README. With --assert it fails past the budget.
import { measureSizes } from './sizes.ts'

/** For the client with the defaults: docs/design.md, "what the client weighs". 1 KB is 1000 bytes. */
const BUDGET = 7_013

const { table, client } = await measureSizes()
console.log(table)

const [is, budget] = [client, BUDGET].map(bytes => bytes.toLocaleString('en'))
if (client > BUDGET) {
  console.log(`\nTOO LARGE: the default client has ${is} bytes, ${budget} are its budget`)
  if (process.argv.includes('--assert')) process.exitCode = 1
} else console.log(`\nok: the default client is within ${budget} bytes`)

import { parseArgs } from 'node:util'
import { migratePostgres } from '../stores/postgres/index.ts'
import { DONE, misuse } from './command.ts'
import type { Command } from './command.ts'

const HELP = `anywire store <url>: makes the tables of records in a PostgreSQL, or brings them up to date. Needs pg.

  --schema <name>   the schema that they are in; default anywire; made where it is new

A server does the same when it opens its store; this is for where its user may make no tables.
Without a URL the variables PGHOST, PGDATABASE, PGUSER, PGPASSWORD … say where the database is.
  anywire store postgres://owner@localhost/app
`

export const storeCommand: Command = {
  help: HELP,
  async run(args, { output }) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { schema: { type: 'string', default: 'anywire' } }
    })
    const [url, ...others] = positionals
    if (others.length > 0) throw misuse('name one URL')
    if (url !== undefined && !/^postgres(ql)?:\/\//.test(url)) throw misuse(`a URL begins with postgres://`)
    const { schema } = values
    if (schema === '') throw misuse('--schema takes a name')
    const { from, to } = await migratePostgres({ schema, ...(url !== undefined && { url }) })
    const what = from === to ? 'are up to date' : from === 0 ? 'are made' : `were version ${from}`
    output.write(`The tables in the schema ${schema} ${what}: version ${to}\n`)
    return DONE
  }
}

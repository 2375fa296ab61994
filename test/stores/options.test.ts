import assert from 'node:assert/strict'
import type { Store } from '../../lib/store.ts'
import { memory } from '../../stores/memory.ts'
import { migratePostgres, postgres } from '../../stores/postgres/index.ts'
import { sqlite } from '../../stores/sqlite/index.ts'

/** As JavaScript passes it: anything. */
const anything = (options: unknown): never => options as never

const refused = (message: RegExp, make: () => Store): void => {
  assert.throws(make, { name: 'AnywireError', code: 'ERR_OPTION', message })
}

describe('the options of stores', () => {
  it('what is misspelt is refused, and named, with what there is', () => {
    refused(/'sqlite' has no option 'synchronus', but: synchronous, driver, worker/, () =>
      sqlite('x.db', anything({ synchronus: 'full' }))
    )
    refused(/'postgres' has no option 'shema', but: url, schema, readers, timeout, client/, () =>
      postgres(anything({ shema: 'tracker' }))
    )
    refused(/'memory' has no option 'disc', but: disk/, () => memory(anything({ disc: 1 })))
  })

  it('what is no such value is refused', () => {
    refused(/'synchronous' of 'sqlite' must be 'full' or 'normal', not 'fulll'/, () =>
      sqlite('x.db', anything({ synchronous: 'fulll' }))
    )
    refused(/'driver' of 'sqlite' must be 'node:sqlite' or 'better-sqlite3' or 'libsql', not 'nope'/, () =>
      sqlite('x.db', anything({ driver: 'nope' }))
    )
    refused(/'worker' of 'sqlite' must be a URL, not a text/, () => sqlite('x.db', anything({ worker: 'worker.js' })))
    refused(/the options of 'sqlite' must be an object, not null/, () => sqlite('x.db', anything(null)))
    refused(/sqlite needs the path of a file/, () => sqlite(anything(5)))
    refused(/'schema' of 'postgres' must be the name of a schema, not 5/, () => postgres(anything({ schema: 5 })))
    refused(/'schema' of 'postgres' must be the name of a schema, not an empty text/, () => postgres({ schema: '' }))
    refused(/'readers' of 'postgres' must be a whole number from 1 to \d+, not '4'/, () =>
      postgres(anything({ readers: '4' }))
    )
    refused(/'readers' of 'postgres' must be a whole number from 1/, () => postgres({ readers: 0 }))
    refused(/'timeout' of 'postgres' must be a whole number from 0 to \d+, not Infinity/, () =>
      postgres({ timeout: Infinity })
    )
    refused(/'client' of 'postgres' must be an object, not true/, () => postgres(anything({ client: true })))
    refused(/the options of 'postgres' must be an object, not 5/, () => postgres(anything(5)))
    refused(/'disk' of 'memory' must be a MemoryDisk, not an object/, () => memory(anything({ disk: {} })))
  })

  it('a URL with a password is not shown', () => {
    refused(/'url' of 'postgres' must be a text, not an object$/, () =>
      postgres(anything({ url: new URL('postgres://me:secret@localhost') }))
    )
    refused(/'url' of 'postgres' must be a text, not an empty text$/, () => postgres(''))
  })

  it('those of a migration are looked at too', async () => {
    await assert.rejects(migratePostgres(anything({ shema: 'tracker' })), {
      code: 'ERR_OPTION',
      message: /no option 'shema'/
    })
  })

  it('what is undefined was not said', () => {
    const nothing = { typo: undefined, schema: undefined, synchronous: undefined, disk: undefined }
    for (const store of [sqlite('x.db', nothing), postgres(nothing), memory(nothing)]) assert.ok(store.name)
  })
})

import { postgres } from '../../stores/postgres/index.ts'
import { storeContract } from '../contract/store.ts'
import { INSTALL, PrivatePostgres, programs } from '../support/postgres.ts'

describe(programs === undefined ? `postgres (${INSTALL})` : 'postgres', function () {
  this.timeout(30_000)
  let server: PrivatePostgres
  let places = 0

  before(async function () {
    if (programs === undefined) return this.skip()
    server = await PrivatePostgres.start()
  })
  after(() => server?.stop())

  storeContract('postgres', () => {
    const schema = `test ${places++} "'%`
    return { make: () => postgres({ url: server.url, schema }) }
  })
})

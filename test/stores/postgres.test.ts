import { postgres } from '../../stores/postgres/index.ts'
import { storeContract } from '../contract/store.ts'
import { runs } from '../support/faults-seed.ts'
import { PrivatePostgres } from '../support/postgres.ts'

describe('postgres', () => {
  let server: PrivatePostgres
  let places = 0

  before(async function () {
    server = await PrivatePostgres.start(this)
  })

  storeContract(
    'postgres',
    () => {
      const schema = `test ${places++} "'%`
      return { make: () => postgres({ url: server.url, schema }) }
    },
    { runs: runs(13).numRuns }
  )
})

import assert from 'node:assert/strict'
import { named } from './support/pages.ts'
import { line, Workshop } from './support/workshop.ts'

describe('the example in README.md', () => {
  let workshop: Workshop
  before(() => {
    workshop = new Workshop()
  })
  after(() => workshop.close())

  it('runs', async function () {
    this.timeout(60_000)
    const told = `http.on('listening', () => console.log('port', Object(http.address()).port))`
    const server = named('README.md', 'server.ts').code.replace('http.listen(8080)', `${told}\nhttp.listen(0)`)
    const port = (await line(await workshop.start(server), /^port /)).slice(5)
    const client = named('README.md', 'client.ts').code.replace('8080', port)
    assert.match(await line(await workshop.start(client), /hello/), /value: \{ hello: 'world' \}/)
  })
})

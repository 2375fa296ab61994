import assert from 'node:assert/strict'
import { Addresses, networkOf } from '../../../lib/server/addresses.ts'

describe('Addresses', () => {
  const session = (address: string, name: string) => ({ address, name })

  it('has so many links of one address, and as many again when they are gone', () => {
    const addresses = new Addresses(2)
    assert.deepEqual(
      [addresses.enter('1'), addresses.enter('1'), addresses.enter('1'), addresses.enter('2')],
      [true, true, false, true]
    )
    addresses.exit('1')
    assert.equal(addresses.enter('1'), true)
    assert.equal(addresses.enter('1'), false)
  })

  it('names the session that is away for longest once there are too many, and none that is there', () => {
    const addresses = new Addresses<ReturnType<typeof session>>(2)
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(name => session('1', name))
    assert.ok(a && b && c && d)
    assert.deepEqual(
      [addresses.begin(a), addresses.begin(b), addresses.begin(session('2', 'x'))],
      [undefined, undefined, undefined]
    )
    addresses.left(b)
    addresses.left(a)
    addresses.back(b)
    addresses.left(b)
    assert.equal(addresses.begin(c), a)
    addresses.end(a)
    assert.equal(addresses.begin(d), b)
    addresses.back(b)
    assert.equal(addresses.begin(session('1', 'e')), undefined)
  })

  it('counts nothing where there are no addresses', () => {
    const addresses = new Addresses(0)
    assert.equal(addresses.enter(''), true)
    assert.equal(addresses.begin(session('', 'a')), undefined)
    addresses.exit('')
  })

  it('takes for one address what one customer has', () => {
    const cases = [
      ['1.2.3.4', '1.2.3.4'],
      ['unknown', 'unknown'],
      ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
      ['2001:DB8:0001:2::', '2001:db8:1:2'],
      ['2001:db8::1', '2001:db8:0:0'],
      ['2001:db8::1:2:3:4:5', '2001:db8:0:1'],
      ['::', '0:0:0:0'],
      ['::1', '0:0:0:0'],
      ['1::', '1:0:0:0'],
      ['fe80::1%eth0', 'fe80:0:0:0'],
      ['64:ff9b::1.2.3.4', '64:ff9b:0:0'],
      ['1:2:3:4:5:6:1.2.3.4', '1:2:3:4']
    ] as const
    for (const [address, network] of cases) assert.equal(networkOf(address), network, address)
  })
})

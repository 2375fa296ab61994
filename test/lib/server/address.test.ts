import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Forwarding } from '../../../lib/server/address.ts'
import type { TrustProxy } from '../../../lib/server/address.ts'
import { runs } from '../../support/faults-seed.ts'

const ask = (trust: TrustProxy | undefined, address: string, headers: Record<string, string | string[]> = {}) => {
  const forwarding = new Forwarding(trust)
  return [forwarding.address({ url: '/', address, headers }), forwarding.host({ url: '/', address, headers })]
}

describe('Forwarding', () => {
  it('believes nobody by default', () => {
    assert.deepEqual(
      ask(undefined, '::ffff:1.2.3.4', { 'x-forwarded-for': '9.9.9.9', 'x-forwarded-host': 'evil', host: 'own' }),
      ['1.2.3.4', 'own']
    )
    assert.deepEqual(ask(0, '::1', { 'x-forwarded-for': '9.9.9.9' }), ['::1', ''])
    assert.deepEqual(ask(undefined, ''), ['', ''])
  })

  it('takes the first address that is of no trusted proxy', () => {
    const headers = {
      'x-forwarded-for': '6.6.6.6, 9.9.9.9, 10.0.0.2',
      'x-forwarded-host': 'a.example, b.example',
      host: 'inner'
    }
    assert.deepEqual(ask(1, '10.0.0.1', headers), ['10.0.0.2', 'a.example'])
    assert.deepEqual(ask(2, '10.0.0.1', headers), ['9.9.9.9', 'a.example'])
    assert.deepEqual(ask(9, '10.0.0.1', headers), ['6.6.6.6', 'a.example'])
    assert.deepEqual(ask(['10.0.0.0/8'], '::ffff:10.0.0.1', headers), ['9.9.9.9', 'a.example'])
    assert.deepEqual(ask(['10.0.0.1'], '10.0.0.1', headers), ['10.0.0.2', 'a.example'])
    assert.deepEqual(ask(['fe80::/10'], '10.0.0.1', headers), ['10.0.0.1', 'inner'])
    assert.deepEqual(ask(['10.0.0.0/8'], '10.0.0.1', { 'x-forwarded-for': ['7.7.7.7', '10.0.0.3'] }), ['7.7.7.7', ''])
    assert.deepEqual(ask(1, '', { 'x-forwarded-for': '9.9.9.9' }), ['9.9.9.9', ''])
  })

  it('leaves out the ports that gateways write', () => {
    const from = (forwarded: string, trust: TrustProxy = 1) =>
      ask(trust, '10.0.0.1', { 'x-forwarded-for': forwarded })[0]
    assert.equal(from('1.2.3.4:5678'), '1.2.3.4')
    assert.equal(from('[2001:db8::1]:1234'), '2001:db8::1')
    assert.equal(from('[2001:db8::1]'), '2001:db8::1')
    assert.equal(from('[::ffff:1.2.3.4]:5'), '1.2.3.4')
    assert.equal(from('2001:db8::1'), '2001:db8::1')
    assert.equal(from('9.9.9.9:1, 10.0.0.2:80, ::ffff:10.0.0.3', ['10.0.0.0/8']), '9.9.9.9')
  })

  it('refuses what is no address and no network', () => {
    for (const network of ['', 'x', '10.0.0', '10.0.0.0/33', '10.0.0.0/x', 'fe80::/129', '10.0.0.0/-1', 'localhost']) {
      assert.throws(() => new Forwarding([network]), { code: 'ERR_OPTION' }, network)
    }
  })

  it('never throws at a header', () => {
    const trusts: TrustProxy[] = [0, 1, 5, ['10.0.0.0/8', '::1']]
    fc.assert(
      fc.property(
        fc.constantFrom(...trusts),
        fc.string(),
        fc.string(),
        fc.oneof(fc.ipV4(), fc.ipV6(), fc.string()),
        (trust, list, host, address) => {
          const [found, named] = ask(trust, address, { 'x-forwarded-for': list, 'x-forwarded-host': host, host })
          assert.equal(typeof found, 'string')
          assert.equal(typeof named, 'string')
        }
      ),
      runs(300)
    )
  })
})

import assert from 'node:assert/strict'
import { createHash, createPrivateKey, X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import { generateCertificate } from '../../transformers/webtransport/index.ts'

const DAY = 86_400_000

describe('the certificate for development', () => {
  const { cert, key, hash } = generateCertificate()
  const certificate = new X509Certificate(cert)

  it('is what serverCertificateHashes takes: ECDSA with P-256, valid now, for no more than 14 days', () => {
    assert.deepEqual(certificate.publicKey.asymmetricKeyDetails, { namedCurve: 'prime256v1' })
    const from = Date.parse(certificate.validFrom)
    const to = Date.parse(certificate.validTo)
    assert.ok(from < Date.now() - DAY / 4, 'other clocks may be slow')
    assert.ok(to > Date.now() + 12 * DAY)
    assert.ok(to - from <= 14 * DAY)
  })

  it('is signed by itself, and belongs to its key', () => {
    assert.ok(certificate.verify(certificate.publicKey))
    assert.ok(certificate.checkPrivateKey(createPrivateKey(key)))
    assert.equal(certificate.ca, false)
    createSecureContext({ cert, key })
  })

  it('has the hash that it says', () => {
    assert.deepEqual(Buffer.from(hash), createHash('sha256').update(certificate.raw).digest())
  })

  it('is for the hosts that are asked for, and is another one each time', () => {
    assert.equal(certificate.subjectAltName, 'DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1')
    const addresses = ['10.0.0.7', '2001:db8::ff00:42:8329', '::ffff:1.2.3.4', 'fe80::', 'a.example', '1:2:3:4:5:6:7:8']
    const other = new X509Certificate(generateCertificate({ hosts: addresses, days: 1 }).cert)
    for (const address of addresses) {
      const check = address.includes('.example') ? other.checkHost(address) : other.checkIP(address)
      assert.equal(check, address)
    }
    assert.notEqual(other.serialNumber, certificate.serialNumber)
    assert.equal(other.checkHost('b.example'), undefined)
  })

  it('can be made, whatever the dice say', () => {
    for (let index = 0; index < 50; index++) {
      const { cert } = generateCertificate({ days: 0.1 })
      const { publicKey, verify } = new X509Certificate(cert)
      assert.ok(verify.call(new X509Certificate(cert), publicKey))
    }
  })

  it('is not made for longer, nor for no time', () => {
    for (const days of [14, 13.5, 0, -1, NaN])
      assert.throws(() => generateCertificate({ days }), { code: 'ERR_OPTION' })
  })
})

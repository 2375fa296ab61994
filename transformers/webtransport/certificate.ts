import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { isIP } from 'node:net'
import { AnywireError } from '../../lib/errors.ts'
import { ERR_OPTION } from '../../lib/failures.ts'
import type { OwnBytes } from './client.ts'
import { bits, boolean, identifier, integer, octets, sequence, set, tagged, time, utf8 } from './der.ts'

/** A certificate, or a chain of them, and its private key: PEM. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

export interface HashedCertificate extends Certificate {
  /** SHA-256 of the certificate: what `serverCertificateHashes` wants. */
  readonly hash: OwnBytes
}

export interface CertificateOptions {
  /** Names and addresses of the server. Default: localhost, 127.0.0.1, ::1. */
  readonly hosts?: readonly string[] | undefined
  /** How long it is valid, from now on. Default 13; browsers take hashes of certificates that are valid for at most 14. */
  readonly days?: number | undefined
}

const DAY = 86_400_000

const ECDSA_WITH_SHA256 = sequence(identifier('1.2.840.10045.4.3.2'))

/**
 * Makes a certificate that no authority signed, for development: browsers take it by its hash. ECDSA with P-256, as the W3C
 * demands for `serverCertificateHashes`; the format is RFC 5280's.
 * @throws ERR_OPTION for more than 13 days, or none
 */
export const generateCertificate = ({
  hosts = ['localhost', '127.0.0.1', '::1'],
  days = 13
}: CertificateOptions = {}): HashedCertificate => {
  if (!(days > 0 && days <= 13))
    throw new AnywireError(ERR_OPTION, `a certificate for ${days} days instead of 13 at most`)
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const now = Date.now()
  const name = sequence(set(sequence(identifier('2.5.4.3'), utf8('anywire'))))
  const facts = sequence(
    tagged(0, integer(Buffer.from([2])), true),
    // Positive, whatever the dice say.
    integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    ECDSA_WITH_SHA256,
    name,
    // Other clocks may be slow.
    sequence(time(new Date(now - DAY / 2)), time(new Date(now + days * DAY))),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(3, sequence(...extensions(hosts)), true)
  )
  const signature = sign('sha256', facts, privateKey)
  const der = sequence(facts, ECDSA_WITH_SHA256, bits(signature))
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${der.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    hash: new Uint8Array(createHash('sha256').update(der).digest())
  }
}

const extensions = (hosts: readonly string[]): Buffer[] => {
  const extension = (name: string, critical: boolean, value: Buffer): Buffer =>
    sequence(identifier(name), ...(critical ? [boolean(true)] : []), octets(value))
  return [
    // No authority, to sign with, to be a server.
    extension('2.5.29.19', true, sequence()),
    extension('2.5.29.15', true, bits(Buffer.from([0x80]), 7)),
    extension('2.5.29.37', false, sequence(identifier('1.3.6.1.5.5.7.3.1'))),
    extension('2.5.29.17', false, sequence(...hosts.map(alternative)))
  ]
}

/** A name of the server: its address, or its name. */
const alternative = (host: string): Buffer =>
  isIP(host) ? tagged(7, addressBytes(host)) : tagged(2, Buffer.from(host))

const addressBytes = (address: string): Buffer => {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number))
  // URLs write every IPv6 address in hexadecimal, with one gap at most.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const groups = (part: string): number[] => (part === '' ? [] : part.split(':').map(group => parseInt(group, 16)))
  const first = groups(head)
  const last = tail === undefined ? [] : groups(tail)
  const gap = Array.from({ length: 8 - first.length - last.length }, () => 0)
  return Buffer.from([...first, ...gap, ...last].flatMap(group => [group >> 8, group & 255]))
}

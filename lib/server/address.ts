import { BlockList, isIP } from 'node:net'
import { AnywireError } from '../errors.ts'
import { ERR_OPTION } from '../failures.ts'
import type { LinkRequest } from './listener.ts'

/**
 * Which proxies may say whom they forward for: how many of them stand before the server, or their addresses and networks
 * (`10.0.0.0/8`). Default none: X-Forwarded-For and X-Forwarded-Host are ignored.
 */
export type TrustProxy = number | readonly string[]

/** Reads the headers of trusted proxies. */
export class Forwarding {
  readonly #hops: number
  readonly #proxies: BlockList | undefined

  /** @throws ERR_OPTION for what is no address and no network */
  constructor(trust: TrustProxy = 0) {
    this.#hops = typeof trust === 'number' ? trust : 0
    if (typeof trust !== 'number') this.#proxies = blockList(trust)
  }

  /** The address of the client: the first one, from the server's side, that is not of a trusted proxy. */
  address({ address, headers }: LinkRequest): string {
    const forwarded = `${headers['x-forwarded-for'] ?? ''}`.split(',').map(part => plain(part.trim()))
    const chain = [...forwarded.filter(Boolean), plain(address)]
    let hops = this.#hops
    const trusted = (hop: string): boolean => (this.#proxies ? this.#isProxy(hop) : hops-- > 0)
    while (chain.length > 1 && trusted(chain.at(-1) ?? '')) chain.pop()
    return chain.at(-1) ?? ''
  }

  /** The host that the client asked for. */
  host({ headers, address }: LinkRequest): string {
    const trusts = this.#proxies ? this.#isProxy(plain(address)) : this.#hops > 0
    const forwarded = trusts ? headers['x-forwarded-host'] : undefined
    return `${forwarded ?? headers.host ?? ''}`.split(',')[0]?.trim() ?? ''
  }

  #isProxy(address: string): boolean {
    return isIP(address) > 0 && this.#proxies?.check(address, family(address)) === true
  }
}

/** IPv4 addresses of dual-stack sockets come as IPv6. Some gateways write the port, which each connection has another of. */
const plain = (text: string): string => {
  const [, bracketed, dotted] = /^(?:\[([^\]]*)\](?::\d+)?|(\d+(?:\.\d+){3}):\d+)$/.exec(text) ?? []
  const address = bracketed ?? dotted ?? text
  return address.startsWith('::ffff:') ? address.slice(7) : address
}

const family = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 6 ? 'ipv6' : 'ipv4')

const blockList = (networks: readonly string[]): BlockList => {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', bits] = network.split('/')
    try {
      if (bits === undefined) list.addAddress(address, family(address))
      else list.addSubnet(address, Number(bits), family(address))
    } catch (error) {
      throw new AnywireError(ERR_OPTION, `trustProxy: '${network}' is no address and no network`, error)
    }
  }
  return list
}

import { isIPv6 } from 'node:net'

/** A session, by the address that its client had first. */
export interface Resident {
  readonly address: string
}

/** Who is there from one address. */
interface Crowd<R> {
  /** Open links, those included whose clients are not accepted yet. */
  links: number
  /** Sessions, those included that are away. */
  sessions: number
  /** Sessions that are away, the one that left first first. */
  away: Set<R> | undefined
}

/**
 * Counts links and sessions by address: so many of each. A link too many is refused; for a session too many, the one that
 * is away for longest is given up. Where there are no addresses, nobody can be told from anybody else.
 */
export class Addresses<R extends Resident> {
  readonly #limit: number
  readonly #crowds = new Map<string, Crowd<R>>()

  /** @param limit - of the links, and of the sessions, of one address */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** A link asks for a place. */
  enter(address: string): boolean {
    if (!address) return true
    const crowd = this.#crowd(address)
    if (crowd.links >= this.#limit) return false
    crowd.links++
    return true
  }

  exit(address: string): void {
    this.#change(address, crowd => crowd.links--)
  }

  /**
   * A session began.
   * @returns the one to be given up for it, if there are too many
   */
  begin({ address }: R): R | undefined {
    if (!address) return undefined
    const crowd = this.#crowd(address)
    crowd.sessions++
    const [oldest] = crowd.sessions > this.#limit ? (crowd.away ?? []) : []
    return oldest
  }

  end(session: R): void {
    this.#change(session.address, crowd => {
      crowd.sessions--
      crowd.away?.delete(session)
    })
  }

  left(session: R): void {
    this.#change(session.address, crowd => (crowd.away ??= new Set()).add(session))
  }

  back(session: R): void {
    this.#change(session.address, crowd => crowd.away?.delete(session))
  }

  #crowd(address: string): Crowd<R> {
    const network = networkOf(address)
    let crowd = this.#crowds.get(network)
    if (!crowd) this.#crowds.set(network, (crowd = { links: 0, sessions: 0, away: undefined }))
    return crowd
  }

  #change(address: string, change: (crowd: Crowd<R>) => void): void {
    const network = networkOf(address)
    const crowd = this.#crowds.get(network)
    if (!crowd) return
    change(crowd)
    if (!crowd.away?.size) crowd.away = undefined
    if (crowd.links === 0 && crowd.sessions === 0) this.#crowds.delete(network)
  }
}

/** What counts as one address: of IPv6 the first 64 bits, as whoever has one address has the other ones too (RFC 6177). */
export const networkOf = (address: string): string => {
  if (!isIPv6(address)) return address
  const [head = '', tail] = address.replace(/%.*/, '').split('::')
  const groups = head ? head.split(':') : []
  // `::` stands for as many zeros as are missing. An IPv4 address at the end is two groups, and never in the first half.
  const rest = tail ? tail.replace(/[^:]*\.[^:]*$/, '0:0').split(':') : []
  if (tail !== undefined) while (groups.length + rest.length < 8) groups.push('0')
  return [...groups, ...rest]
    .slice(0, 4)
    .map(group => parseInt(group, 16).toString(16))
    .join(':')
}

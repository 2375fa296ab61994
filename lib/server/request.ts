import { MARKER } from '../handshake.ts'
import type { HttpHeaders } from './http.ts'
import type { LinkRequest } from './listener.ts'
import type { Handshake } from './peer.ts'

/** What is kept of a client's request for as long as there is a peer; the query is parsed when somebody asks. */
export class RequestFacts implements Handshake {
  readonly transformer: string
  readonly url: string
  readonly headers: HttpHeaders
  readonly address: string
  readonly plain: boolean

  constructor(transformer: string, { url, headers }: LinkRequest, address: string) {
    this.transformer = transformer
    this.url = url
    this.headers = headers
    this.address = address
    this.plain = !this.#search.has(MARKER)
  }

  get query(): Readonly<Record<string, string>> {
    const search = this.#search
    search.delete(MARKER)
    return Object.fromEntries(search)
  }

  get #search(): URLSearchParams {
    const start = this.url.indexOf('?')
    return new URLSearchParams(start < 0 ? '' : this.url.slice(start))
  }
}

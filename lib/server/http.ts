/*
 * What the public types need of Node's HTTP, in its shape: so that the declarations compile where Node's types are not
 * installed. Node's own classes fit.
 */

/** `http.Server`, `https.Server`, or whatever else emits `request` and `upgrade` as they do. */
export interface HttpServer {
  on(event: string, listener: (...args: unknown[]) => void): unknown
  once(event: string, listener: (...args: unknown[]) => void): unknown
  off(event: string, listener: (...args: unknown[]) => void): unknown
  emit(event: string, ...args: unknown[]): boolean
  listenerCount(event: string): number
  address(): { readonly address: string; readonly family: string; readonly port: number } | string | null
}

/** `http.IncomingHttpHeaders` */
export interface HttpHeaders {
  readonly [name: string]: string | string[] | undefined
  readonly authorization?: string | undefined
  readonly cookie?: string | undefined
  readonly host?: string | undefined
  readonly origin?: string | undefined
  readonly upgrade?: string | undefined
  readonly 'user-agent'?: string | undefined
}

/** `http.IncomingMessage` */
export interface HttpRequest {
  readonly method?: string | undefined
  readonly url?: string | undefined
  readonly headers: HttpHeaders
}

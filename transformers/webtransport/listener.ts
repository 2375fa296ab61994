import { AnywireError, textOf } from '../../lib/errors.ts'
import { ERR_LISTEN, ERR_OPTION } from '../../lib/failures.ts'
import type { Accept, Host, Listener } from '../../lib/server/listener.ts'
import { LONGEST } from '../../lib/timer.ts'
import { Acceptor } from './acceptor.ts'
import type { Certificate } from './certificate.ts'
import { httpSource } from './http-source.ts'
import { checkPackage } from './package.ts'
import type { SessionListener, SessionSource } from './source.ts'

/** Of the server half: where it listens, on a port of its own, and as whom. */
export interface WebTransportServerOptions {
  /** Of the server: for UDP and TCP, 443 by default, 0 for a free one. Of the client: see `SessionTarget`. */
  readonly port?: number | undefined
  /** Default '::', all addresses. */
  readonly host?: string | undefined
  /** The certificate, with those between it and its authority, in PEM; and its key. */
  readonly cert?: string | undefined
  readonly key?: string | undefined
  /** Instead of `cert` and `key`: is asked when the server starts, and then every `renewal`. */
  readonly certificate?: (() => Certificate | Promise<Certificate>) | undefined
  /** Milliseconds from one question for the certificate to the next; 0 for never. Default 3,600,000, an hour. */
  readonly renewal?: number | undefined
  /** Milliseconds that a client may take from its request to its stream. Default 10,000. */
  readonly timeout?: number | undefined
  /** Another server of sessions than that of `@fails-components/webtransport`. Then the options above are its own business. */
  readonly sessions?: SessionSource | undefined
}

const PATIENCE = 10_000
const HOUR = 3_600_000

/** The server half at work: starts the source, and keeps its certificate new. */
export class WebTransportListener implements Listener {
  readonly #host: Host
  readonly #starting: Promise<void>
  #listener: SessionListener | undefined
  #timer: ReturnType<typeof setInterval> | undefined
  #closed = false

  /**
   * @param opened - is told the port
   * @throws ERR_OPTION without a certificate, ERR_MISSING_PACKAGE
   */
  constructor(host: Host, accept: Accept, options: WebTransportServerOptions, opened: (port: number) => void) {
    const { sessions = packageSource(options), timeout = PATIENCE, renewal = HOUR } = options
    const acceptor = new Acceptor(host, accept, timeout)
    this.#host = host
    this.#starting = sessions
      .listen(request => (this.#closed ? request.reject(503) : acceptor.arrived(request)))
      .then(listener => {
        this.#listener = listener
        if (this.#closed) return
        opened(listener.port)
        if (!renewal || !listener.renew || (!options.certificate && !options.sessions)) return
        this.#timer = setInterval(() => void this.renew().catch(this.#failed), Math.min(renewal, LONGEST))
        this.#timer.unref()
      })
      .catch(this.#failed)
  }

  async renew(): Promise<void> {
    await this.#listener?.renew?.()
  }

  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#timer)
    await this.#starting
    await this.#listener?.close()
  }

  readonly #failed = (error: unknown): void => {
    this.#host.report(new AnywireError(ERR_LISTEN, `webtransport: ${textOf(error)}`, error))
  }
}

const packageSource = ({
  cert,
  key,
  port = 443,
  host = '::',
  timeout = PATIENCE,
  certificate
}: WebTransportServerOptions): SessionSource => {
  checkPackage()
  const own = cert !== undefined && key !== undefined ? (): Certificate => ({ cert, key }) : undefined
  const ask = certificate ?? own
  if (!ask) throw new AnywireError(ERR_OPTION, 'webtransport needs a certificate: cert and key, or certificate')
  return httpSource({ port, host, certificate: ask, patience: timeout })
}

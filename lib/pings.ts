import { AnywireError } from './errors.ts'

interface Ping {
  readonly since: number
  resolve(time: number): void
  reject(error: AnywireError): void
}

/** Pings that wait for their answers, which come in order. */
export class Pings {
  #waiting: Ping[] = []

  /** @returns the milliseconds until the answer */
  add(): Promise<number> {
    return new Promise((resolve, reject) => this.#waiting.push({ since: performance.now(), resolve, reject }))
  }

  answer(): void {
    const ping = this.#waiting.shift()
    ping?.resolve(performance.now() - ping.since)
  }

  fail(): void {
    for (const ping of this.#waiting.splice(0)) ping.reject(new AnywireError('ERR_CLOSED', 'the wire was lost'))
  }
}

import { ERR_ARGUMENTS, ERR_LIMIT, ERR_NO_METHOD, ERR_NO_PROVIDER } from '../../lib/failures.ts'
import type { Shared } from './end.ts'
import { because } from './error.ts'
import { TAKES } from './router.ts'
import type { BareRoute, Call, Handler, Route } from './router.ts'
import { Run } from './run.ts'
import { CANCEL, MORE } from './wire.ts'
import type { Packet } from './wire.ts'

/** Stands between callers and handlers: may refuse by throwing, and see and change what comes back. */
export type Middleware<P> = (call: Call<P>, next: () => unknown) => unknown

export interface CalleeOptions<P> {
  readonly deadline: number
  readonly limit: number
  readonly use: readonly Middleware<P>[]
}

/** How many arguments a call may have. */
const ARGUMENTS = 1_000

/** The calls that the other end makes. */
export class Callee<P> {
  readonly running = new Map<number, Run<P>>()
  readonly #shared: Shared<P>
  readonly #options: CalleeOptions<P>
  /** Handlers that are at work, also those whose callers went away. */
  #busy = 0
  #last = 0

  constructor(shared: Shared<P>, options: CalleeOptions<P>) {
    this.#shared = shared
    this.#options = options
  }

  /** Whether a number is new. One that comes again is none. */
  takes(number: number): boolean {
    if (number <= this.#last) return false
    this.#last = number
    return true
  }

  /** @param own - what answers, where that is none of the application's */
  called([, number, values = [], name, timeout, key, service, count]: Packet, own?: BareRoute<P>): void {
    if (typeof name !== 'string' || !this.takes(number)) return
    const { limit, deadline } = this.#options
    const { end } = this.#shared
    const more = typeof count === 'number' && count <= ARGUMENTS ? count - values.length : 0
    const args = more > 0 ? [...values, ...Array<undefined>(more)] : values
    const time = typeof timeout === 'number' && timeout > 0 ? Math.min(timeout, deadline) : deadline
    const run = new Run(this.#shared, this.running, {
      number,
      name,
      args,
      key: typeof key === 'string' && key ? key : undefined,
      id: `${end.id}:${-number * end.sign}`,
      deadline: performance.now() + time
    })
    const route = own ?? end.find(name)
    if (!route) return run.threw(because(service ? ERR_NO_PROVIDER : ERR_NO_METHOD, name))
    if (this.#busy >= limit) return run.threw(because(ERR_LIMIT, `${limit} calls at the same time`))
    this.#busy++
    const later = run.start(() => (own ? own.bare(run) : this.#admit(run, route)), service === 1 && !route.manual)
    if (!later) this.#busy--
    else {
      this.running.set(number, run)
      this.#shared.watch(run.deadline)
      void later.finally(() => this.#busy--)
    }
  }

  /** The caller says something of a call that it made. Of one that is over, or never was, it is ignored. */
  heard([type, number, values]: Packet): void {
    const run = this.running.get(number)
    if (type === CANCEL) run?.cancel()
    else if (type === MORE) run?.more(values?.[0])
  }

  drained(): void {
    for (const run of this.running.values()) run.drained()
  }

  over(): void {
    for (const run of this.running.values()) run.over()
    this.#last = 0
  }

  #admit(run: Run<P>, route: Route | BareRoute<P>): unknown {
    const { admit, once } = this.#shared.end
    const begin = (): unknown => {
      // Meanwhile its caller may have gone.
      run.check()
      const work = (): unknown => this.#pass(run, route, 0)
      return run.key === undefined || !once ? work() : once(run, run.key, work)
    }
    const admission = admit?.(run)
    return admission ? admission.then(begin) : begin()
  }

  #pass(run: Run<P>, route: Route | BareRoute<P>, layer: number): unknown {
    const middleware = this.#options.use[layer]
    if (middleware) return middleware(run, () => this.#pass(run, route, layer + 1))
    return 'bare' in route ? route.bare(run) : invoke(route, run.args, run)
  }
}

/** Could be taken for the call that stands behind the arguments. */
const isSpoof = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && ('peer' in value || 'signal' in value)

/** Calls a handler, with its call behind its arguments, where it expects it. */
export const invoke = ({ handler, owner }: Route, args: readonly unknown[], call: Call<unknown>): unknown => {
  const { [TAKES]: takes }: Handler & { readonly [TAKES]?: number } = handler
  const place = takes ?? handler.length - 1
  const wrong = takes === undefined ? args.some((arg, index) => index >= place && isSpoof(arg)) : args.length > takes
  if (wrong || args.length > ARGUMENTS) throw because(ERR_ARGUMENTS, call.name)
  const all = [...args]
  // Missing arguments are undefined, and the call does not take their place.
  all[Math.max(all.length, place)] = call
  return Reflect.apply(handler, owner, all)
}

import { Contestant } from './contestant.ts'
import { Load } from './load.ts'
import type { Protocol } from './protocols.ts'
import { CLIENTS, IDLE, type Workload } from './workloads.ts'

export interface Entry {
  name: string
  command: readonly string[]
  server?: string
  protocol: Protocol
}

/**
 * Seconds of warming up. An echo does many more turns in them than a broadcast, and who writes once a tick fewer than who writes for each
 * value: what is compiled later would count.
 */
const WARM = { broadcast: 4, publish: 1, echo: 0.3, call: 0.3 }

/** A server in a workload, to be measured again and again. */
export interface Arena {
  /** Lets the server compile its hot path; rounds before that do not count. */
  warm(): Promise<void>
  /** One round: microseconds of CPU time per delivered value, or bytes of memory per idle connection. */
  round(seconds: number): Promise<number>
  close(): void
}

/** Starts a server and connects its clients. */
export async function open(entry: Entry, workload: Workload): Promise<Arena> {
  if (workload.kind === 'idle') return { warm: async () => {}, round: () => idle(entry), close: () => {} }
  const server = new Contestant(entry.name, entry.command, entry.server)
  const load = new Load(entry.name, await server.port(), entry.protocol, workload.kind === 'call')
  let sent = 0

  /** Runs the workload from rest to rest; returns how many values were delivered. */
  const run = async (seconds: number): Promise<number> => {
    if ('inFlight' in workload) return await load.echo(workload.inFlight, seconds * 1000)
    const { values, pace } = workload
    const ticks = Math.ceil((seconds * 1000) / pace)
    if (workload.kind === 'publish') {
      await server.broadcast(ticks, values, pace)
      return ticks * values
    }
    const first = sent
    sent += ticks * values
    return await load.listen(first, ticks * values, () => server.broadcast(ticks, values, pace))
  }

  await load.open(workload.clients ?? CLIENTS)
  return {
    async warm() {
      await run(WARM[workload.kind])
    },
    async round(seconds) {
      const before = await server.cpu()
      const delivered = await run(seconds)
      return ((await server.cpu()) - before) / delivered
    },
    close() {
      load.close()
      server.stop()
    }
  }
}

/** Memory per connection of a fresh server: the slope between two numbers of connections. */
async function idle({ name, command, protocol }: Entry): Promise<number> {
  const server = new Contestant(name, command)
  const load = new Load(name, await server.port(), protocol)
  const [few, many] = IDLE
  await load.open(few)
  const before = await server.memory()
  await load.open(many)
  const after = await server.memory()
  load.close()
  server.stop()
  return (after - before) / (many - few)
}

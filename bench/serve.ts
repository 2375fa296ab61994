import { message } from './message.ts'

/** What the benchmark asks of a server process, over the channel between the two processes. */
export type Question =
  | { ask: 'usage' }
  | { ask: 'collect' }
  | { ask: 'broadcast'; ticks: number; values: number; pace: number }

/** What it answers. `cpu` is microseconds of all threads so far, `rss` bytes. */
export type Answer = { port: number } | { cpu: number; rss: number } | { done: true }

/**
 * Puts a contender's server process under the benchmark's control. Nothing here touches the network.
 *
 * @param port - where the server listens.
 * @param broadcast - sends a value to all clients, the way an application of this library would.
 */
export function serve(port: number, broadcast: (value: object) => void): void {
  let sequence = 0

  process.on('message', (question: Question) => {
    if (question.ask === 'broadcast') return run(question.ticks, question.values, question.pace)
    if (question.ask === 'collect') return void collect().then(usage)
    usage()
  })
  process.on('disconnect', () => process.exit())
  answer({ port })

  function run(ticks: number, values: number, pace: number): void {
    let next = performance.now()
    tick()

    function tick(): void {
      for (let i = 0; i < values; i++) broadcast(message(sequence++))
      if (--ticks === 0) return answer({ done: true })
      next += pace
      setTimeout(tick, Math.max(1, next - performance.now()))
    }
  }
}

function usage(): void {
  const { user, system } = process.cpuUsage()
  answer({ cpu: user + system, rss: process.memoryUsage.rss() })
}

/** Collects garbage until nothing is left that waits for a turn of the event loop or for another collection. */
async function collect(): Promise<void> {
  const { Bun, gc } = globalThis as { Bun?: { gc(sync: boolean): void }; gc?: () => void }
  for (let i = 0; i < 4; i++) {
    if (Bun) Bun.gc(true)
    else gc?.()
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

function answer(answer: Answer): void {
  process.send?.(answer)
}

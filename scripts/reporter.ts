import { reporters } from 'mocha'
import { closing } from './counts.ts'
import type { Told } from './shard.ts'
import { inSources } from './sources.ts'

/** Whether this is one process of several, started by scripts/test.ts. */
const isShard = process.send !== undefined

const Base = isShard ? reporters.Base : process.stdout.isTTY ? reporters.Spec : reporters.Dot

/** How long the process may live on behind the last test, in milliseconds. */
const LINGER = 10_000

// Tests put other clocks in its place.
const now = performance.now.bind(performance)

/** What is open would keep the process alive for ever: that is a leak, and a failure. */
const exposeLeaks = (): void => {
  const timer = setTimeout(() => {
    console.error(`The tests are over, but something is still open: ${process.getActiveResourcesInfo().join(', ')}`)
    // mocha sets the code of its own in a listener, this one is behind it.
    process.on('exit', () => (process.exitCode = Math.max(1, Number(process.exitCode ?? 0))))
    process.exit()
  }, LINGER)
  timer.unref()
}

const tell = (told: Told): void => void process.send?.(told)

/** Tells scripts/test.ts of each failure, and of each test, and how long it took with the hooks before it. */
const tellTests = (runner: Mocha.Runner): void => {
  // It was stopped, and nobody hears what comes. What it has started ends by 'exit'.
  for (const end of ['disconnect', 'SIGHUP', 'SIGTERM'] as const) process.once(end, () => process.exit(1))
  // Whoever listens for that keeps the process alive.
  process.channel?.unref()
  let before = now()
  runner.on('fail', (test, error: unknown) => {
    tell({ title: test.fullTitle(), message: error instanceof Error ? error.message : String(error) })
  })
  runner.on('test end', ({ file = '', state }) => {
    const after = now()
    tell({ file, state: state ?? 'pending', took: after - before })
    before = after
  })
}

/** mocha's own report (dots, outside a terminal), closed by a plain line for machines: `N passed, N failed[, N skipped]`. */
export default class Reporter extends Base {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    // Before mocha's own listeners, which keep what they see.
    runner.prependListener('fail', (_test, error: unknown) => {
      if (error instanceof Error && error.stack) error.stack = inSources(error.stack)
    })
    super(runner, options)
    if (!isShard) return
    tellTests(runner)
    // mocha's other reporters do it themselves.
    runner.once('end', () => this.epilogue())
  }

  override epilogue(): void {
    const { passes, failures, pending } = this.stats
    if (!isShard || failures) super.epilogue()
    if (isShard) tell({ passed: passes, failed: failures, skipped: pending })
    else console.log(closing({ passed: passes, failed: failures, skipped: pending }))
    exposeLeaks()
  }
}

import { reporters } from 'mocha'

const Base = process.stdout.isTTY ? reporters.Spec : reporters.Dot

/** How long the process may live on behind the last test, in milliseconds. */
const LINGER = 10_000

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

/** mocha's own report (dots, outside a terminal), closed by a plain line for machines: `N passed, N failed[, N skipped]`. */
export default class Reporter extends Base {
  override epilogue(): void {
    super.epilogue()
    const { passes, failures, pending } = this.stats
    console.log(`${passes} passed, ${failures} failed${pending ? `, ${pending} skipped` : ''}`)
    exposeLeaks()
  }
}

import { reporters } from 'mocha'

const Base = process.stdout.isTTY ? reporters.Spec : reporters.Dot

/** mocha's own report (dots, outside a terminal), closed by a plain line for machines: `N passed, N failed[, N skipped]`. */
export default class Reporter extends Base {
  override epilogue(): void {
    super.epilogue()
    const { passes, failures, pending } = this.stats
    console.log(`${passes} passed, ${failures} failed${pending ? `, ${pending} skipped` : ''}`)
  }
}

/** The longest break, in milliseconds. */
export const MOST_DELAY = 30_000

/** A break before something is tried again, which can be ended. */
export class Pause {
  /** Ends the break that is under way, so that no timer is left. */
  end = (): void => {}

  /** @param delay - in milliseconds */
  wait(delay: number): Promise<void> {
    return new Promise(resolve => {
      const timer = setTimeout(resolve, delay)
      this.end = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

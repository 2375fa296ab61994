import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'

const EXECUTABLE = '/usr/bin/chromium'

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync'
]

/** A `describe` for tests in a browser. Without Chromium they are skipped, and a line says how to install it. */
export const describeInChromium = (title: string, tests: (this: Mocha.Suite) => void): void => {
  if (existsSync(EXECUTABLE)) return void describe(title, tests)
  process.stderr.write(`skipped, for want of ${EXECUTABLE}: ${title} (apt-get install -y chromium)\n`)
  describe.skip(title, tests)
}

/** Starts Chromium without a window. Its profile is a new temporary folder, which goes when the browser is closed. */
export const launchChromium = (flags: readonly string[] = []): Promise<Browser> =>
  chromium.launch({ executablePath: EXECUTABLE, headless: true, args: [...FLAGS, ...flags] })

/** A page, and what its console said. */
export interface Watched {
  readonly page: Page
  /** Errors of the console and uncaught exceptions, in order. Emptied by whoever expected them. */
  readonly errors: string[]
}

/** Opens a page with storage and cookies of its own. */
export const openPage = async (
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {}
): Promise<Watched> => {
  const context = await browser.newContext(options)
  const page = await context.newPage()
  const errors: string[] = []
  page.on('console', message => message.type() === 'error' && errors.push(message.text()))
  page.on('pageerror', error => errors.push(`${error}`))
  await page.goto(url)
  return { page, errors }
}

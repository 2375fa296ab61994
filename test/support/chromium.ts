import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'

/** The first is the same browser without what is around pages. It takes two thirds of the processor time. */
const [SHELL, WHOLE] = ['/usr/bin/chromium-headless-shell', '/usr/bin/chromium']
const EXECUTABLE = existsSync(SHELL) ? SHELL : WHOLE

/** Of these Chromium knows one list: this one takes the place of Playwright's, and has what of that matters here. */
const NOT_WANTED = [
  'AvoidUnnecessaryBeforeUnloadCheckSync',
  'DestroyProfileOnBrowserClose',
  'HttpsFirstBalancedModeAutoEnable',
  'HttpsUpgrades',
  'MediaRouter',
  'OptimizationHints',
  'PaintHolding',
  'ThirdPartyStoragePartitioning',
  // It starts a process beside each page, for the next one. Pages are reused here, so nobody needs it.
  'SpareRendererForSitePerProcess'
]

const FLAGS = [
  `--disable-features=${NOT_WANTED.join(',')}`,
  '--disable-site-isolation-trials',
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
  process.stderr.write(`skipped, for want of Chromium: ${title} (apt-get install -y chromium-headless-shell)\n`)
  describe.skip(title, tests)
}

let launched: Promise<Browser> | undefined

/**
 * The browser of all tests in this process: starting one takes longer than most of them. It has no window. Its profile is
 * a new temporary folder, which goes when the browser is closed.
 */
const launch = (): Promise<Browser> => {
  // Some tests interrupt this process, which is no end of it. The browser ends by itself when nobody holds it any more.
  const handlers = { handleSIGINT: false, handleSIGTERM: false, handleSIGHUP: false }
  launched ??= chromium.launch({ executablePath: EXECUTABLE, headless: true, args: FLAGS, ...handlers })
  return launched
}

// For whichever files have pages, behind the last of them.
after(async function () {
  this.timeout(60_000)
  await (await launched)?.close()
})

/** A page, and what its console said. */
export interface Watched {
  readonly page: Page
  /** Errors of the console and uncaught exceptions, in order. Emptied by whoever expected them. */
  readonly errors: string[]
}

/** Opens a page with storage and cookies of its own. Who opens it closes its context. */
export const openPage = async (url: string, options: BrowserContextOptions = {}): Promise<Watched> => {
  // What moves on a page is drawn by the processor, picture by picture.
  const context = await (await launch()).newContext({ reducedMotion: 'reduce', ...options })
  const page = await context.newPage()
  const errors: string[] = []
  page.on('console', message => message.type() === 'error' && errors.push(message.text()))
  page.on('pageerror', error => errors.push(`${error}`))
  await page.goto(url)
  return { page, errors }
}

/** Opens a page, in one that is done with what it did: that takes a third of what a new one takes. It keeps its storage. */
export const visit = async (free: Watched | undefined, url: string): Promise<Watched> => {
  if (!free) return openPage(url)
  free.errors.length = 0
  await free.page.goto(url)
  return free
}

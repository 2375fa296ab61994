import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Page } from 'playwright-core'
import { describeInChromium, openPage } from '../support/chromium.ts'
import type { Watched } from '../support/chromium.ts'

/** Starts the example, and waits until it says where it is. */
const startTodos = async (folder: string, port: number): Promise<readonly [ChildProcess, url: string]> => {
  const child = spawn(process.execPath, ['--import', 'tsx', 'examples/todos/server.ts'], {
    env: { ...process.env, TODOS_PORT: `${port}`, TODOS_DATA: folder },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  for await (const line of createInterface({ input: child.stdout })) {
    const [url] = /http:\/\/localhost:\d+/.exec(line) ?? []
    if (url) return [child, url]
  }
  throw new Error('the example did not start')
}

const end = async (child: ChildProcess, signal: NodeJS.Signals): Promise<void> => {
  const ended = once(child, 'exit')
  child.kill(signal)
  await ended
}

describeInChromium('the example todos', function () {
  this.timeout(60_000)
  let folder: string
  let child: ChildProcess
  let url: string
  let tabs: Watched[]

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'anywire-'))
    ;[child, url] = await startTodos(folder, 0)
    tabs = [await openPage(url), await openPage(url)]
  })

  after(async () => {
    for (const { page } of tabs ?? []) await page.context().close()
    if (child) await end(child, 'SIGTERM')
    rmSync(folder, { recursive: true })
  })

  const fill = async (page: Page, label: string, text: string): Promise<void> => {
    await page.getByLabel(label, { exact: true }).fill(text)
    await page.getByLabel(label, { exact: true }).press('Enter')
  }

  /** Waits until the titles are these, those that are done with a tick. */
  const shows = async (page: Page, ...titles: readonly string[]): Promise<void> => {
    const expected = JSON.stringify(titles)
    const look = (expected: string | undefined) => {
      const lines = [...document.querySelectorAll<HTMLLIElement>('#items li')]
      const found = lines.map(line => {
        const [done, title] = line.querySelectorAll('input')
        return `${done?.checked ? '✓' : ''}${title?.value}`
      })
      return expected === undefined || JSON.stringify(found) === expected ? JSON.stringify(found) : ''
    }
    await page.waitForFunction(look, expected, { timeout: 10_000 }).catch(async () => {
      assert.equal(await page.evaluate(look, undefined), expected)
    })
  }

  const says = (page: Page, text: string): Promise<unknown> =>
    page.waitForFunction(text => document.querySelector('#state')?.textContent?.includes(text), text)

  it('shows everybody the same, online, offline, and after the server was killed', async () => {
    const [one, two] = tabs.map(({ page }) => page) as [Page, Page]
    await fill(one, 'A new list', 'Shopping')
    for (const title of ['Milk', 'Bread', 'Tea']) await fill(one, 'A new to-do', title)
    await two.getByRole('button', { name: 'Shopping' }).click()
    await shows(two, 'Milk', 'Bread', 'Tea')
    await two.waitForFunction(() => document.querySelector('#people')?.textContent?.includes(','))

    // The order, and different fields of one to-do while one of them is offline.
    await two.locator('#items li').nth(2).dragTo(two.locator('#items li').nth(0))
    await shows(one, 'Tea', 'Milk', 'Bread')
    await one.getByLabel('Offline').check()
    await one.getByRole('checkbox', { name: 'Milk' }).check()
    await fill(one, 'A new to-do', 'Salt')
    await says(one, 'changes wait')
    await two.locator('#items li').nth(1).getByLabel('What is to be done').fill('Oat milk')
    await two.locator('#items li').nth(1).getByLabel('What is to be done').press('Enter')
    await shows(two, 'Tea', 'Oat milk', 'Bread')
    await shows(one, 'Tea', '✓Milk', 'Bread', 'Salt')

    // Pages have what they had, and what waits, also without a server.
    await end(child, 'SIGKILL')
    await one.getByLabel('Offline').uncheck()
    ;[child] = await startTodos(folder, Number(new URL(url).port))
    for (const page of [one, two]) await shows(page, 'Tea', '✓Oat milk', 'Bread', 'Salt')
    await says(one, 'All is saved')

    // What one has done it takes back, and nothing of the other one's.
    await one.getByRole('button', { name: 'Undo' }).click()
    for (const page of [one, two]) await shows(page, 'Tea', '✓Oat milk', 'Bread')
    await two.reload()
    await shows(two, 'Tea', '✓Oat milk', 'Bread')
    for (const { errors } of tabs)
      assert.deepEqual(
        errors.filter(error => !error.includes('WebSocket')),
        []
      )
  })
})

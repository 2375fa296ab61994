import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { endBoard, startBoard } from '../support/board.ts'
import type { Board } from '../support/board.ts'
import { describeInChromium, openPage } from '../support/chromium.ts'
import type { Watched } from '../support/chromium.ts'

const addItem = async (page: Page, title: string): Promise<void> => {
  await page.fill('#new-item-title', title)
  await page.press('#new-item-title', 'Enter')
}
/** Waits until the list has these items, in this order. */
const shows = (page: Page, ...titles: readonly string[]): Promise<unknown> =>
  page.waitForFunction(
    wanted =>
      [...document.querySelectorAll<HTMLInputElement>('#items .title')].map(({ value }) => value).join() === wanted,
    titles.join()
  )
const reads = (page: Page, text: RegExp): Promise<void> => page.locator('#state-text', { hasText: text }).waitFor()
const item = (page: Page, at: number) => page.locator('#items li').nth(at)

describeInChromium('the to-do lists', function () {
  this.timeout(60_000)
  let folder: string
  let server: Board
  let one: Watched
  let two: Watched

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'anywire-todos-'))
    server = await startBoard(folder, 0, { example: 'todos' })
    one = await openPage(server.url)
    two = await openPage(server.url)
    await Promise.all([reads(one.page, /All saved/), reads(two.page, /All saved/)])
  })

  after(async () => {
    for (const watched of [one, two]) await watched?.page.context().close()
    if (server) await endBoard(server, 'SIGKILL')
    if (folder) await rm(folder, { recursive: true })
  })

  it('shows each page what the other one writes', async () => {
    await one.page.fill('#new-list-name', 'Groceries')
    await one.page.press('#new-list-name', 'Enter')
    await two.page.locator('#lists a', { hasText: 'Groceries' }).waitFor()
    for (const title of ['Milk', 'Bread', 'Tea']) await addItem(one.page, title)
    await shows(two.page, 'Milk', 'Bread', 'Tea')
    await item(two.page, 1).locator('input[type=checkbox]').check()
    await one.page.locator('#items li.done').waitFor()
    assert.deepEqual([one.errors, two.errors], [[], []])
  })

  it('moves items by drag and by keys, and takes back what one page did alone', async () => {
    await item(one.page, 2).locator('.handle').dragTo(item(one.page, 0))
    await shows(two.page, 'Tea', 'Milk', 'Bread')
    await item(two.page, 0).locator('.handle').press('ArrowDown')
    await shows(one.page, 'Milk', 'Tea', 'Bread')
    await item(two.page, 0).locator('.title').fill('Oat milk')
    await shows(one.page, 'Oat milk', 'Tea', 'Bread')
    await item(one.page, 2).locator('.title').fill('Rye bread')
    await shows(two.page, 'Oat milk', 'Tea', 'Rye bread')
    await two.page.click('#undo')
    await two.page.locator('#undo').evaluate((undo: HTMLButtonElement) => {
      for (let left = 20; left && !undo.disabled; left--) undo.click()
    })
    await shows(one.page, 'Tea', 'Milk', 'Rye bread')
  })

  it('goes on offline in both, and has all of it afterwards, though the server was killed', async () => {
    for (const { page } of [one, two]) {
      await page.locator('.switch').click()
      await reads(page, /Offline/)
    }
    await addItem(one.page, 'From one')
    await addItem(two.page, 'From two')
    await item(two.page, 0).locator('input[type=checkbox]').check()
    await one.page.reload()
    await shows(one.page, 'Tea', 'Milk', 'Rye bread', 'From one')
    await endBoard(server, 'SIGKILL')
    server = await startBoard(folder, server.port, { example: 'todos' })
    await two.page.locator('.switch').click()
    for (const { page } of [one, two]) await reads(page, /All saved/)
    const titles = (page: Page) =>
      page.evaluate(() => [...document.querySelectorAll<HTMLInputElement>('#items .title')].map(({ value }) => value))
    await one.page.waitForFunction(() => document.querySelectorAll('#items li').length === 5)
    await two.page.waitForFunction(() => document.querySelectorAll('#items li').length === 5)
    assert.deepEqual(await titles(one.page), await titles(two.page))
    assert.deepEqual([...(await titles(one.page))].sort(), ['From one', 'From two', 'Milk', 'Rye bread', 'Tea'])
    await item(one.page, 0).and(one.page.locator('.done')).waitFor()
    // A server that is killed is an error in the console.
    for (const { errors } of [one, two])
      assert.deepEqual(
        errors.splice(0).filter(text => !/WebSocket|ERR_/.test(text)),
        []
      )
  })

  it('shows the tabs of one browser what the others wrote, offline too', async () => {
    const tab = await one.page.context().newPage()
    await tab.goto(server.url)
    await tab.waitForFunction(() => document.querySelectorAll('#items li').length === 5)
    for (const page of [one.page, tab]) {
      await page.locator('.switch').click()
      await reads(page, /Offline/)
    }
    await addItem(one.page, 'Written in the first tab')
    await tab.locator('#items li').nth(5).waitFor()
    await one.page.locator('.switch').click()
    await two.page.locator('#items li').nth(5).waitFor()
    await tab.close()
  })

  it('looks right on a phone, in the dark', async () => {
    const phone = await openPage(server.url, { viewport: { width: 390, height: 780 }, colorScheme: 'dark' })
    await phone.page.locator('#items li').first().waitFor()
    const wide = await phone.page.evaluate(() => document.documentElement.scrollWidth)
    assert.ok(wide <= 390, `${wide} pixels wide`)
    await phone.page.context().close()
  })
})

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { connect } from '../../index.ts'
import type { End } from '../../index.ts'
import { presence } from '../../plugins/presence/index.ts'
import { pubsub } from '../../plugins/pubsub/index.ts'
import { rpc } from '../../plugins/rpc/index.ts'
import { endBoard, spawnBoard, startBoard } from '../support/board.ts'
import type { Board } from '../support/board.ts'
import { describeInChromium, openPage } from '../support/chromium.ts'
import type { Watched } from '../support/chromium.ts'

const opened = (page: Page): Promise<unknown> => page.locator('#pill', { hasText: /^Open$/ }).waitFor()
const say = async (page: Page, text: string): Promise<void> => {
  await page.fill('#text', text)
  await page.press('#text', 'Enter')
}
/** Messages of the list that are saved. */
const saved = (page: Page, text: string) => page.locator('.message:not(.waits) .text', { hasText: text })
const reads = async (page: Page, selector: string, pattern: RegExp): Promise<void> =>
  page.locator(selector, { hasText: pattern }).waitFor()
/** A note's text is the value of its field, which no selector sees. */
const hasNote = (page: Page, text: string): Promise<unknown> =>
  page.waitForFunction(wanted => [...document.querySelectorAll('textarea')].some(({ value }) => value === wanted), text)
const addNote = async (page: Page, x: number, y: number, text: string): Promise<void> => {
  await page.locator('#plane').dblclick({ position: { x, y } })
  await page.keyboard.type(text)
  await page.keyboard.press('Escape')
}

/** What other programs show. */
const KEY = 'a key'
const env = { BOARD_KEY: KEY }

describeInChromium('the board', function () {
  this.timeout(60_000)
  let folder: string
  let board: Board
  let one: Watched
  let two: Watched

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'anywire-board-'))
    board = await startBoard(folder, 0, { env })
    one = await openPage(board.url)
    two = await openPage(board.url)
    await Promise.all([opened(one.page), opened(two.page)])
  })

  after(async () => {
    for (const watched of [one, two]) await watched?.page.context().close()
    if (board) await endBoard(board, 'SIGKILL')
    if (folder) await rm(folder, { recursive: true })
  })

  afterEach(function () {
    // A test that failed says more than what it left behind.
    if (this.currentTest?.state === 'passed')
      assert.deepEqual([one.errors, two.errors], [[], []], 'errors in the console')
  })

  it('shows each page the cursor, the notes and the messages of the other', async () => {
    await one.page.hover('#plane', { position: { x: 300, y: 320 } })
    await two.page.locator('.cursor:visible').waitFor()
    await addNote(one.page, 240, 160, 'from one')
    await hasNote(two.page, 'from one')
    await addNote(two.page, 520, 360, 'from two')
    await hasNote(one.page, 'from two')
    await say(two.page, 'hello, one')
    await saved(one.page, 'hello, one').waitFor()
    await saved(two.page, 'hello, one').waitFor()
  })

  it('shows who is here, and whose wire is cut', async () => {
    const avatars = one.page.locator('#people .avatar')
    await reads(one.page, '#people', /^.{1,2}$/)
    await two.page.fill('#name', 'Zoe Quill')
    await two.page.press('#name', 'Enter')
    await reads(one.page, '#people', /^ZQ$/)
    await two.page.click('#offline')
    await one.page.locator('#people .away').waitFor()
    await two.page.click('#offline')
    await one.page.locator('#people .avatar:not(.away)').waitFor()
    assert.equal(await avatars.count(), 1)
    const three = await openPage(board.url)
    await opened(three.page)
    await one.page.waitForFunction(() => document.querySelectorAll('#people .avatar').length === 2)
    await three.page.goto('about:blank')
    await one.page.waitForFunction(() => document.querySelectorAll('#people .avatar').length === 1)
    await three.page.context().close()
    await opened(two.page)
  })

  it('takes what other programs with the key announce, and nothing else of anybody', async () => {
    const post = async (key: string): Promise<unknown> => {
      const answer = await fetch(`${board.url}/anywire/api`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', connection: 'close' },
        body: JSON.stringify([
          { call: 'announce', args: ['lunch is ready'] },
          { publish: 'chat', value: 'forged' }
        ])
      })
      return answer.json()
    }
    assert.match(JSON.stringify(await post('a guess')), /^\{"error":\{"code":"ERR_UNAUTHORIZED"/)
    assert.match(JSON.stringify(await post(KEY)), /^\[\{\},\{"error":\{"code":"ERR_DENIED"/)
    await saved(one.page, 'lunch is ready').waitFor()
    const client = connect(board.url, { plugins: [pubsub(), rpc(), presence()] })
    const outcomes = await Promise.allSettled([
      client.pubsub.publish('chat', 'forged', { ack: true }),
      Promise.resolve(client.rpc['announce']?.('forged')),
      Promise.resolve(client.rpc['change']?.({ type: 'say', id: 'x', text: 'forged' })),
      client.rpc.provide('notes', () => []),
      client.presence('board').enter({ name: 'forged' }),
      client.presence('elsewhere').enter({ name: 'Me', color: 1, x: 0, y: 0 })
    ])
    client.destroy()
    assert.deepEqual(
      outcomes.map(outcome => outcome.status === 'rejected' && String(Reflect.get(Object(outcome.reason), 'code'))),
      ['ERR_DENIED', 'ERR_DENIED', 'NO_CHANGE', 'ERR_DENIED', 'ERR_DENIED', 'ERR_DENIED']
    )
    assert.equal(await one.page.locator('.message', { hasText: 'forged' }).count(), 0)
  })

  it('moves, paints and deletes a note on both pages', async () => {
    const note = (page: Page) => page.locator('.note').nth(1)
    const grip = note(one.page).locator('.grip')
    await grip.hover()
    const box = await grip.boundingBox()
    assert(box)
    await one.page.mouse.down()
    await one.page.mouse.move(box.x + 90, box.y + 60, { steps: 4 })
    await one.page.mouse.up()
    const place = (page: Page): Promise<string> => note(page).evaluate(element => element.style.translate)
    const moved = await place(one.page)
    await two.page.waitForFunction(
      wanted => document.querySelectorAll<HTMLElement>('.note')[1]?.style.translate === wanted,
      moved
    )
    await note(one.page).getByLabel('Green').click()
    await two.page.locator('.note[data-color="5"]').waitFor()
    await note(two.page).getByLabel('Delete this note').click()
    await one.page.waitForFunction(() => document.querySelectorAll('.note').length === 1)
  })

  it('goes on with the session when a wire is cut, and keeps the order', async () => {
    await one.page.click('#flood')
    await one.page.click('#drop')
    await reads(one.page, '#recovered', /^1$/)
    await reads(one.page, '#order', /^1,000 back, each once, in order, /)
    await reads(one.page, '#lost', /^0$/)
  })

  it('queues what is written offline, and sends it when the network is back', async () => {
    await two.page.click('#offline')
    await reads(two.page, '#pill', /^Offline$/)
    await say(two.page, 'written offline')
    await reads(two.page, '#queued', /^1$/)
    await two.page.locator('.message.waits', { hasText: 'written offline' }).waitFor()
    await two.page.click('#offline')
    await saved(one.page, 'written offline').waitFor()
    await saved(two.page, 'written offline').waitFor()
    await reads(two.page, '#recovered', /^2$/)
  })

  it('survives that the server is killed: all is there, and what was written meanwhile arrives once', async () => {
    const pages = [one.page, two.page]
    // Perhaps it arrives and is not saved, perhaps it is on the way: nobody knows.
    await say(two.page, 'in the last moment')
    await endBoard(board, 'SIGKILL')
    await Promise.all(pages.map(page => page.locator('#pill:not([data-tone="good"])').waitFor()))
    await say(one.page, 'written to nobody')
    await addNote(two.page, 300, 420, 'on a dead board')
    board = await startBoard(folder, board.port, { env })
    // Else they try again when they think that it is time, which may be in five seconds.
    for (const page of pages) await page.evaluate(() => dispatchEvent(new Event('online')))
    await Promise.all(pages.map(opened))
    await say(two.page, 'the server is back')
    await say(one.page, 'indeed')
    for (const page of pages) {
      await hasNote(page, 'from one')
      await hasNote(page, 'on a dead board')
      await saved(page, 'hello, one').waitFor()
      await saved(page, 'the server is back').waitFor()
      await saved(page, 'indeed').waitFor()
      await saved(page, 'in the last moment').waitFor()
      assert.equal(await page.locator('.message', { hasText: 'written to nobody' }).count(), 1)
      assert.equal(await page.locator('.message.waits').count(), 0)
      assert.equal(await page.locator('.note').count(), 2)
    }
    // `indeed` came behind it, so there will be no second one.
    const { messages } = JSON.parse(await readFile(join(folder, 'board.json'), 'utf8')) as {
      messages: { text: string }[]
    }
    const texts = messages.map(({ text }) => text)
    for (const text of ['in the last moment', 'written to nobody', 'indeed']) {
      assert.equal(texts.filter(other => other === text).length, 1, text)
    }
    for (const { errors } of [one, two]) {
      // Who polls, as long as no WebSocket is to be had, may ask for a session that is gone: that is 400.
      const others = errors.splice(0).filter(error => !/ERR_CONNECTION_RE(FUSED|SET)|status of 400/.test(error))
      assert.deepEqual(others, [])
    }
  })

  it('moves to polling and back while values are on their way', async () => {
    const { page } = one
    // It lasts for both.
    await page.click('#flood')
    for (const [title, story] of [
      ['Long polling', 'Moved from ws to engine.io'],
      ['WebSocket', 'Moved from engine.io to ws']
    ] as const) {
      await page.locator('#wires button', { hasText: title }).click()
      await page.locator('#story', { hasText: story }).waitFor()
    }
    await reads(page, '#order', /1,000 back, each once, in order/)
    assert.deepEqual(one.errors, [])
  })

  it('has room for everything on a phone', async () => {
    const { page, errors } = await openPage(board.url, {
      viewport: { width: 390, height: 844 },
      hasTouch: true
    })
    await opened(page)
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390)
    await page.tap('nav [data-view="messages"]')
    await saved(page, 'hello, one').waitFor()
    await say(page, 'from a phone')
    await saved(one.page, 'from a phone').waitFor()
    await page.tap('nav [data-view="wire"]')
    await page.locator('#drop').waitFor()
    assert.deepEqual(errors, [])
    await page.context().close()
  })

  it('shows out whoever sends something else, and nobody else', async () => {
    const hostile: unknown[] = [
      null,
      'x',
      { type: 'add', id: '0123456789abcdef', text: {}, color: 0, x: 0, y: 0 },
      { type: 'say' }
    ]
    for (const value of hostile) {
      const client = connect(board.url)
      const closed = new Promise<End>(resolve => client.on('close', resolve))
      client.write(value)
      const { code, reconnect } = await closed
      assert.deepEqual({ code, reconnect }, { code: 4500, reconnect: false })
    }
    await say(one.page, 'still here')
    await saved(two.page, 'still here').waitFor()
  })

  it('says that a port is taken', async () => {
    const second = spawnBoard(folder, board.port)
    let output = ''
    second.stderr?.on('data', chunk => (output += chunk))
    const [code] = (await once(second, 'close')) as [number]
    assert.equal(code, 1)
    assert.match(output, /^Port \d+ is taken/)
  })

  it('asks the pages to come back when it is stopped', async () => {
    assert.equal(await endBoard(board, 'SIGTERM'), 0)
    await reads(one.page, '#story', /The session has ended/)
    board = await startBoard(folder, board.port, { env })
    await Promise.all([opened(one.page), opened(two.page)])
    await hasNote(one.page, 'from one')
    for (const { errors } of [one, two]) errors.length = 0
  })
})

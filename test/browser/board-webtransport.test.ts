import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { endBoard, startBoard } from '../support/board.ts'
import { describeInChromium, openPage } from '../support/chromium.ts'
import { describeOverHttp3, newerNode } from '../support/glibc.ts'

describeOverHttp3(describeInChromium, 'the board over WebTransport', function () {
  this.timeout(60_000)

  it('opens over HTTP/3, and moves to WebSocket, polling and back', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'anywire-board-'))
    // The package behind its sessions is TypeScript.
    const node = [...(newerNode() ?? [process.execPath]), '--import', 'tsx'] as const
    const board = await startBoard(folder, 0, { node, env: { WEBTRANSPORT: 'test/support/moq-source.ts' } })
    // Browsers speak WebTransport in secure contexts only, and the certificate is for 127.0.0.1 too.
    const { page, errors } = await openPage(board.url.replace('localhost', '127.0.0.1'))
    try {
      await page.locator('#transformer', { hasText: 'over webtransport' }).waitFor()
      let from = 'webtransport'
      for (const [title, to] of [
        ['WebSocket', 'ws'],
        ['Long polling', 'engine.io'],
        ['WebTransport', 'webtransport']
      ] as const) {
        await page.click('#flood')
        await page.locator('#wires button', { hasText: title }).click()
        await page.locator('#story', { hasText: `Moved from ${from} to ${to}` }).waitFor()
        await page.locator('#order', { hasText: /1,000 back, each once, in order/ }).waitFor()
        from = to
      }
      assert.deepEqual(errors, [])
    } finally {
      await page.context().close()
      await endBoard(board, 'SIGKILL')
      await rm(folder, { recursive: true })
    }
  })
})

import assert from 'node:assert/strict'
import type { ClientPlugin, Lane, ServerPlugin } from '../../core.ts'
import { pluginContract } from '../contract/plugin.ts'

// A plugin with everything that a plugin can have, for the contract itself.

/** Needed by the one below. */
const base = () => {
  const info = { name: 'base', version: 1 }
  const client: ClientPlugin = { ...info, client: () => ({}) }
  const server: ServerPlugin = { ...info }
  return { client, server }
}

/** Adds up what clients say, and tells them. */
const tally = () => {
  const info = { name: 'tally', version: 3, needs: ['base'] }
  const isSum = (value: unknown): value is { sum: number } =>
    typeof value === 'object' && value !== null && 'sum' in value && typeof value.sum === 'number'
  const client: ClientPlugin = {
    ...info,
    client(client, lane, during) {
      assert.ok('base' in client)
      let sum = 0
      lane.on('data', value => {
        if (isSum(value)) sum = value.sum
      })
      for (let index = 0; index < 3; index++) {
        during(() => {
          const timer = setInterval(() => lane.write({ add: 0 }), 1_000)
          return () => clearInterval(timer)
        })
      }
      return { add: (add: number) => lane.write({ add }), sum: () => sum }
    }
  }
  const server: ServerPlugin = {
    ...info,
    server(_server, during) {
      during(() => {
        const timer = setInterval(() => {}, 1_000)
        return () => clearInterval(timer)
      })
      during(() => () => {})
      return { lanes: new Set<Lane>() }
    },
    peer(_peer, lane, _server, during) {
      let sum = 0
      lane.on('data', value => {
        if (typeof value !== 'object' || value === null || !('add' in value) || typeof value.add !== 'number') return
        sum += value.add
        lane.write({ sum: Number.isFinite(sum) ? sum : 0 })
      })
      during(() => {
        const timer = setInterval(() => {}, 1_000)
        return () => clearInterval(timer)
      })
      during(() => () => {})
      return { sum: () => sum }
    }
  }
  return { client, server }
}

pluginContract('a plugin with two halves', () => {
  const needs = base()
  return {
    ...tally(),
    needs: { client: [needs.client], server: [needs.server] },
    packets: { toServer: [{ add: 1 }], toClient: [{ sum: 1 }] }
  }
})

pluginContract('a plugin for servers alone', () => ({
  server: { name: 'log', version: 0, local: true, peer: () => ({}) }
}))

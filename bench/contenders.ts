import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { protocols, type Protocol } from './protocols.ts'
import type { WorkloadName } from './workloads.ts'

export interface Contender {
  protocol: Protocol
  /** Takes part in these workloads; without it in all of `COMMON`. */
  only?: readonly WorkloadName[]
  /** The file of the server in servers/; without it, it is called as the contender is. */
  server?: string
  /** Takes part only when it is asked for by name. */
  extra?: true
  /** The program and its arguments before the file of the server; `undefined`: it cannot run here. */
  command(): string[] | undefined
  /** What to say when it cannot run here. */
  missing: string
}

const directory = fileURLToPath(new URL('.', import.meta.url))

/**
 * Plain Node, with TypeScript loaded the same way for all. Some eight seconds behind its start V8 collects garbage to need less memory, once,
 * and throws compiled code away: that would count for whoever has a round just then.
 */
const node = (): string[] => [process.execPath, '--expose-gc', '--no-memory-reducer', '--import', 'tsx']

const missing = 'its package is not installed'

const anywire = {
  command: () => (existsSync(`${directory}../dist/index.js`) ? node() : undefined),
  missing: 'it is not built: npm run build'
}

/** The workloads of everybody who is not there for certain ones. */
export const COMMON: readonly WorkloadName[] = ['broadcast1', 'broadcast20', 'echo100', 'echo1', 'idle']

/** Every server that takes part. */
export const contenders = {
  anywire: { ...anywire, protocol: protocols.anywire, only: [...COMMON, 'publish1', 'publish20'] },
  'anywire-rpc': { ...anywire, protocol: protocols['anywire-rpc'], only: ['call100'] },
  'anywire-pubsub': { ...anywire, protocol: protocols['anywire-pubsub'], only: ['publish1', 'publish20'] },
  'anywire-topics': { ...anywire, protocol: protocols['anywire-topics'], only: ['topics'] },
  'anywire-few-topics': {
    ...anywire,
    protocol: protocols['anywire-few-topics'],
    only: ['topics'],
    server: 'anywire-topics'
  },
  ws: { protocol: protocols.plain, only: [...COMMON, 'call100'], command: node, missing },
  'ws-raw': { protocol: protocols.plain, only: ['echo100', 'echo1'], command: node, missing },
  'socket.io': { protocol: protocols['socket.io'], only: [...COMMON, 'call100'], command: node, missing },
  'engine.io': { protocol: protocols['engine.io'], command: node, missing },
  'anywire-engine.io': {
    ...anywire,
    protocol: protocols['anywire-engine.io'],
    extra: true
  },
  primus: { protocol: protocols.primus, command: node, missing },
  floor: {
    protocol: protocols.plain,
    only: ['broadcast1', 'broadcast20', 'echo100', 'echo1'],
    extra: true,
    command: node,
    missing
  },
  bun: { protocol: protocols.plain, command: bun, missing: 'there is no Bun for this machine' }
} satisfies Record<string, Contender>

export type ContenderName = keyof typeof contenders

/** The binary in the package for this machine: the `bun` package itself would have to run an install script. */
function bun(): string[] | undefined {
  const packages = `${directory}node_modules/@oven/`
  if (!existsSync(packages)) return undefined
  const binaries = readdirSync(packages).map(
    name => `${packages}${name}/bin/bun${process.platform === 'win32' ? '.exe' : ''}`
  )
  const found = binaries.find(file => spawnSync(file, ['--version']).status === 0)
  return found === undefined ? undefined : [found]
}

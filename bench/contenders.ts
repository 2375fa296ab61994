import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { protocols, type Protocol } from './protocols.ts'
import type { WorkloadName } from './workloads.ts'

export interface Contender {
  protocol: Protocol
  /** Takes part in these workloads; without it in all. */
  only?: readonly WorkloadName[]
  /** Takes part only when it is asked for by name. */
  extra?: true
  /** The program and its arguments before the file of the server; `undefined`: it cannot run here. */
  command(): string[] | undefined
  /** What to say when it cannot run here. */
  missing: string
}

const directory = fileURLToPath(new URL('.', import.meta.url))

/** Plain Node, with TypeScript loaded the same way for all. */
const node = (): string[] => [process.execPath, '--expose-gc', '--import', 'tsx']

const missing = 'its package is not installed'

/** Every server that takes part; the name is that of its file in servers/. */
export const contenders = {
  anywire: {
    protocol: protocols.anywire,
    command: () => (existsSync(`${directory}../dist/index.js`) ? node() : undefined),
    missing: 'it is not built: npm run build'
  },
  ws: { protocol: protocols.plain, command: node, missing },
  'ws-raw': { protocol: protocols.plain, only: ['echo100', 'echo1'], command: node, missing },
  'socket.io': { protocol: protocols['socket.io'], command: node, missing },
  'engine.io': { protocol: protocols['engine.io'], command: node, missing },
  'anywire-engine.io': {
    protocol: protocols['anywire-engine.io'],
    extra: true,
    command: () => (existsSync(`${directory}../dist/index.js`) ? node() : undefined),
    missing: 'it is not built: npm run build'
  },
  primus: { protocol: protocols.primus, command: node, missing },
  floor: { protocol: protocols.plain, only: ['broadcast1', 'broadcast20'], extra: true, command: node, missing },
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

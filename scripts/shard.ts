import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { Counts } from './counts.ts'

/** What the reporter tells of a test. */
export interface TestTold {
  /** The compiled file. */
  readonly file: string
  readonly state: 'passed' | 'failed' | 'pending'
  /** Milliseconds. */
  readonly took: number
}

/** And of a test, or what runs before and after tests, when it fails. */
export interface FailureTold {
  readonly title: string
  readonly message: string
}

export type Told = TestTold | FailureTold | Counts

/** How one process of tests ended. */
export interface Outcome {
  readonly counts: Counts
  /** What it printed. */
  readonly said: string
}

const { timeout } = JSON.parse(readFileSync('.mocharc.json', 'utf8')) as { readonly timeout: number }

const FLAGS = ['--no-config', '--reporter', 'build/scripts/reporter.js', '--timeout', `${timeout}`]

/**
 * V8 counts what a function did before it optimizes it; six times as much as by default. Most of what tests call is over soon,
 * and optimizing it takes longer than it saves: about a fifth of the processor's time. Node 20 counts in another way than later ones.
 */
const V8 = process.versions.v8.startsWith('11.')
  ? ['--interrupt-budget=400000']
  : ['--invocation-count-for-turbofan=18000']

/**
 * Runs compiled test files in a process of their own.
 * @param heard - called with each test that is over, and each failure, when it is there
 */
export const runShard = async (
  files: readonly string[],
  heard: (told: TestTold | FailureTold) => void
): Promise<Outcome> => {
  const child = fork('node_modules/mocha/bin/mocha.js', [...FLAGS, '--forbid-only', '--fail-zero', ...files], {
    silent: true,
    execArgv: V8
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => (said += text))
  }
  let counts: Counts = { passed: 0, failed: 0, skipped: 0 }
  child.on('message', told => {
    const message = told as Told
    if ('passed' in message) counts = message
    else heard(message)
  })
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
  // It broke down, or left something open.
  if (code !== 0 && counts.failed === 0) {
    said += `\nA process of tests ended with ${signal ?? code}. Its files: ${files.join(' ')}\n`
    counts = { ...counts, failed: 1 }
  }
  return { counts, said }
}

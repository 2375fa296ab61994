import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { bundled } from './bundled.ts'

export interface Board {
  readonly process: ChildProcess
  readonly url: string
  readonly port: number
}

export interface BoardOptions {
  /** How Node is started. */
  readonly node?: readonly [command: string, ...flags: string[]]
  readonly env?: Readonly<Record<string, string>>
  /** Which example. Default: the board. */
  readonly example?: 'board' | 'todos'
}

const own = {
  board: (PORT: string, BOARD_DATA: string) => ({ PORT, BOARD_DATA }),
  todos: (TODOS_PORT: string, TODOS_DATA: string) => ({ TODOS_PORT, TODOS_DATA })
}

const programs = new Map<string, string>()

/** The server of an example as one file: to have its sources, and all of tsx, loaded at each start takes four times as long. */
const programOf = (example: string): string => {
  const made = programs.get(example) ?? bundled(`examples/${example}/server.ts`, 'build/examples')
  programs.set(example, made)
  return made
}

/** Starts the server of an example, against the built package. */
export const spawnBoard = (
  folder: string,
  port: number,
  { node = [process.execPath], env = {}, example = 'board' }: BoardOptions = {}
): ChildProcess => {
  const [command, ...first] = node
  return spawn(command, [...first, programOf(example)], {
    env: { ...process.env, ...own[example](`${port}`, folder), ...env },
    stdio: ['ignore', 'pipe', 'pipe']
  })
}

/** Starts the example, and waits until it says where it is. */
export const startBoard = async (folder: string, port = 0, options?: BoardOptions): Promise<Board> => {
  const process = spawnBoard(folder, port, options)
  const { stdout, stderr } = process
  assert(stdout && stderr)
  let output = ''
  stderr.on('data', chunk => (output += chunk))
  for await (const line of createInterface({ input: stdout })) {
    const [url] = /http:\/\/\S+/.exec(line) ?? []
    if (url) return { process, url, port: Number(new URL(url).port) }
  }
  throw new Error(`the example did not start: ${output}`)
}

/** @returns the exit code */
export const endBoard = async ({ process }: Board, signal: NodeJS.Signals): Promise<unknown> => {
  if (process.exitCode !== null || process.signalCode !== null) return process.exitCode
  const exited = once(process, 'exit')
  process.kill(signal)
  const [code] = (await exited) as [number | null]
  return code
}

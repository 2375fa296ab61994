import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { main } from '../../cli/main.ts'
import { program } from '../support/program.ts'

/** What a command line left behind. */
export interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A command line that runs. */
export interface Running {
  write(text: string): void
  /** Ends its input. */
  end(text?: string): void
  interrupt(): void
  /** Resolves with the first line of the standard output that matches. */
  printed(pattern: RegExp): Promise<RegExpExecArray>
  /** The same for the standard error. */
  told(pattern: RegExp): Promise<RegExpExecArray>
  readonly done: Promise<Outcome>
}

interface Lines {
  text(): string
  find(pattern: RegExp): Promise<RegExpExecArray>
}

const collect = (stream: NodeJS.ReadableStream, ended: Promise<unknown>): Lines => {
  const all: string[] = []
  const searches = new Set<() => void>()
  createInterface({ input: stream }).on('line', line => {
    all.push(line)
    for (const search of searches) search()
  })
  const find = (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const search = (): void => {
        for (const line of all) {
          const found = pattern.exec(line)
          if (!found) continue
          searches.delete(search)
          return resolve(found)
        }
      }
      searches.add(search)
      search()
      void ended.then(() => reject(new Error(`it ended without ${pattern}:\n${all.join('\n')}`)))
    })
  return { text: () => all.map(line => `${line}\n`).join(''), find }
}

/**
 * Starts `anywire` as a process.
 * @param preload - what Node imports before
 */
export const start = (args: readonly string[], preload?: string): Running => {
  const preloads = preload === undefined ? [] : [preload]
  const child = spawn(process.execPath, [...program('cli/anywire.ts', preloads), ...args])
  const ended = once(child, 'close')
  const stdout = collect(child.stdout, ended)
  const stderr = collect(child.stderr, ended)
  // It may have ended before it read everything.
  child.stdin.on('error', () => {})
  return {
    write: text => void child.stdin.write(text),
    end: text => void child.stdin.end(text ?? ''),
    interrupt: () => void child.kill('SIGINT'),
    printed: pattern => stdout.find(pattern),
    told: pattern => stderr.find(pattern),
    done: ended.then(() => ({ code: child.exitCode, stdout: stdout.text(), stderr: stderr.text() }))
  }
}

/** Runs a command line in this process to its end, with an input. */
export const run = async (args: readonly string[], input = ''): Promise<Outcome> => {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  const printed = Promise.all([text(stdout), text(stderr)])
  stdin.end(input)
  const code = await main(args, { input: stdin, output: stdout, errors: stderr })
  stdout.end()
  stderr.end()
  const [out, errors] = await printed
  return { code, stdout: out, stderr: errors }
}

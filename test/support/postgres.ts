import { execFileSync, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, chownSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/** What tests say where there is no PostgreSQL. */
const INSTALL = 'Tests of PostgreSQL are skipped. To run them: apt-get install postgresql'

const isThere = (file: string): boolean => {
  try {
    accessSync(file)
    return true
  } catch {
    return false
  }
}

/** Debian keeps the programs of each version in a folder of its own. */
const folders = (): string[] => {
  const debian = '/usr/lib/postgresql'
  const versions = isThere(debian) ? readdirSync(debian).map(version => join(debian, version, 'bin')) : []
  return [...versions, ...(process.env['PATH'] ?? '').split(':')]
}

/** The folder with the programs of a PostgreSQL; undefined where there is none. */
const programs = folders().find(folder => isThere(join(folder, 'initdb')) && isThere(join(folder, 'postgres')))

const idOf = (user: string, flag: '-u' | '-g'): number => Number(execFileSync('id', [flag, user], { encoding: 'utf8' }))

/** PostgreSQL does not run as root. */
const unprivileged = (): { uid: number; gid: number } | undefined => {
  if (process.getuid?.() !== 0) return undefined
  for (const user of ['postgres', 'nobody']) {
    try {
      return { uid: idOf(user, '-u'), gid: idOf(user, '-g') }
    } catch {
      // There is no such user.
    }
  }
  throw new Error('root cannot run PostgreSQL, and there is no user to run it as')
}

/** It has its socket in its own folder: a port could be somebody else's by the time it is wanted. */
const PORT = 5432

let started: Promise<PrivatePostgres> | undefined

/** A PostgreSQL of the tests' own, in a folder that goes with it. One for all files of a process: each has schemas of its own. */
export class PrivatePostgres {
  readonly #folder: string
  readonly #programs: string
  readonly #user = unprivileged()
  #process: ChildProcess | undefined

  private constructor(programs: string) {
    this.#programs = programs
    this.#folder = mkdtempSync('/tmp/anywire-postgres-')
    if (this.#user) chownSync(this.#folder, this.#user.uid, this.#user.gid)
    // Where the tests are stopped, nothing comes behind the last of them.
    process.once('exit', () => {
      this.#process?.kill('SIGQUIT')
      this.#clear()
    })
  }

  /** The one of this process, started when it is wanted first. Without PostgreSQL mocha skips the suite. */
  static async start(context: Mocha.Context): Promise<PrivatePostgres> {
    if (programs === undefined) {
      console.log(INSTALL)
      return context.skip()
    }
    return (started ??= PrivatePostgres.#make(programs))
  }

  static async #make(programs: string): Promise<PrivatePostgres> {
    const postgres = new PrivatePostgres(programs)
    const options = ['--auth=trust', '--username=anywire', '--encoding=UTF8', '--locale=C', '--no-sync']
    execFileSync(join(programs, 'initdb'), ['-D', postgres.#data, ...options], {
      ...postgres.#user,
      cwd: postgres.#folder,
      stdio: 'pipe'
    })
    await postgres.run()
    return postgres
  }

  get url(): string {
    return `postgres://anywire@localhost/postgres?host=${this.#folder}&port=${PORT}`
  }

  /** The file that it listens at. */
  get socket(): string {
    return join(this.#folder, `.s.PGSQL.${PORT}`)
  }

  get #data(): string {
    return join(this.#folder, 'data')
  }

  /** Runs it, again after a crash. */
  async run(): Promise<void> {
    // Nobody pulls the plug of the machine, and what has no time to be untidy needs no cleaner.
    const light = ['fsync=off', 'autovacuum=off']
    const place = [`port=${PORT}`, `unix_socket_directories=${this.#folder}`, 'listen_addresses=']
    const settings = [...light, ...place]
    const flags = ['-D', this.#data, ...settings.flatMap(setting => ['-c', setting])]
    const child = spawn(join(this.#programs, 'postgres'), flags, {
      ...this.#user,
      cwd: this.#folder,
      stdio: ['ignore', 'ignore', 'pipe']
    })
    this.#process = child
    let log = ''
    await new Promise<void>((resolve, reject) => {
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        log += text
        if (log.includes('ready to accept connections')) resolve()
      })
      child.once('exit', () => reject(new Error(log)))
    })
  }

  /** Kills all of its processes, as the end of a machine does. */
  async crash(): Promise<void> {
    await this.#end('SIGQUIT')
  }

  async stop(): Promise<void> {
    await this.#end('SIGINT')
    this.#clear()
  }

  /** It may be writing to it while it ends. */
  #clear(): void {
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 })
  }

  async #end(signal: 'SIGQUIT' | 'SIGINT'): Promise<void> {
    const child = this.#process
    this.#process = undefined
    if (!child || child.exitCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }
}

// For whichever files had it, behind the last of them.
after(async () => (await started)?.stop())

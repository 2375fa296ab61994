// Runs scripts of package.json side by side, and prints what they say in the order in which they are named. Fails where one
// of them does. Of `a,b` the second waits until the first is over, and does not run where that fails. When it is stopped, it
// stops them, and prints what they have said until then.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'

const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Readonly<Record<string, string>> }
const rows = process.argv.slice(2).map(row => row.split(','))
const names = rows.flat()

/** Which one each of them waits for. */
const awaited = new Map(rows.flatMap(row => row.slice(1).map((name, index) => [name, row[index] ?? ''] as const)))

/** Those that are over, and whether they did what they should. */
const over = new Map<string, Promise<boolean>>()

const children = new Set<ChildProcess>()
/** What they have said that nobody has seen yet. */
const unseen = new Map<string, Buffer[]>()

const show = (name: string): void => {
  const said = unseen.get(name) ?? []
  unseen.delete(name)
  process.stdout.write(Buffer.concat(said))
}

/** @param turn - when its output can be seen, as what it says from then on */
const run = async (name: string, turn: Promise<unknown>): Promise<boolean> => {
  const command = scripts[name]
  if (command === undefined) throw new Error(`package.json has no script '${name}'`)
  if ((await over.get(awaited.get(name) ?? '')) === false) return false
  // npm has what is installed in PATH, for these too. Each has a group of processes of its own, which can be stopped as a whole.
  // What they pack is built already: nobody builds it again while others read it.
  const env = { ...process.env, npm_config_ignore_scripts: 'true' }
  const child = spawn(command, { shell: true, detached: true, env, stdio: ['ignore', 'pipe', 'pipe'] })
  children.add(child)
  const closed = once(child, 'close')
  unseen.set(name, [Buffer.from(`> ${name}: ${command}\n`)])
  const say = (chunk: Buffer): unknown => unseen.get(name)?.push(chunk) ?? process.stdout.write(chunk)
  for (const stream of [child.stdout, child.stderr]) stream.on('data', say)
  await turn
  show(name)
  const [code] = (await closed) as [number | null]
  children.delete(child)
  return code === 0
}

/** With all that it has started. */
const stop = ({ pid }: ChildProcess, signal: NodeJS.Signals): void => {
  try {
    if (pid !== undefined) process.kill(-pid, signal)
  } catch {
    // It is over, and nobody has heard of that yet.
  }
}

for (const [signal, code] of [
  ['SIGHUP', 129],
  ['SIGINT', 130],
  ['SIGTERM', 143]
] as const) {
  process.once(signal, () => {
    for (const name of names) show(name)
    for (const child of children) stop(child, signal)
    process.exit(code)
  })
}

let turn: Promise<unknown> = Promise.resolve()
for (const name of names) {
  const ran = run(name, turn)
  over.set(name, ran)
  turn = Promise.all([turn, ran])
}
const failed: string[] = []
for (const [name, ran] of over) if (!(await ran)) failed.push(name)
if (failed.length) {
  console.log(`failed: ${failed.join(', ')}`)
  process.exitCode = 1
}

// Runs scripts of package.json side by side, and prints what they say in the order in which they are named. Fails where one
// of them does. With `--after a,b` the last one waits until `a` and `b` are over, and does not run where one of these fails.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'

const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Readonly<Record<string, string>> }
const { positionals: names, values } = parseArgs({ allowPositionals: true, options: { after: { type: 'string' } } })
const needed = values.after?.split(',') ?? []

/** Those that are over, and whether they did what they should. */
const over = new Map<string, Promise<boolean>>()

/** @param turn - when its output can be seen, as what it says from then on */
const run = async (name: string, turn: Promise<unknown>): Promise<boolean> => {
  const command = scripts[name]
  if (command === undefined) throw new Error(`package.json has no script '${name}'`)
  const waits = name === names.at(-1) ? needed.flatMap(other => over.get(other) ?? []) : []
  if ((await Promise.all(waits)).includes(false)) return false
  // npm has what is installed in PATH, for these too.
  const child = spawn(command, { shell: true, stdio: ['ignore', 'pipe', 'pipe'] })
  const closed = once(child, 'close')
  let said: Buffer[] | undefined = [Buffer.from(`> ${name}: ${command}\n`)]
  const say = (chunk: Buffer): unknown => (said ? said.push(chunk) : process.stdout.write(chunk))
  for (const stream of [child.stdout, child.stderr]) stream.on('data', say)
  await turn
  process.stdout.write(Buffer.concat(said))
  said = undefined
  const [code] = (await closed) as [number | null]
  return code === 0
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

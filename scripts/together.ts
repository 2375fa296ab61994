// Runs scripts of package.json side by side, and prints what each one said when it is over. Fails where one of them does.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'

const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Readonly<Record<string, string>> }

const run = async (name: string): Promise<void> => {
  const command = scripts[name]
  if (command === undefined) throw new Error(`package.json has no script '${name}'`)
  // npm has what is installed in PATH, for these too.
  const child = spawn(command, { shell: true, stdio: ['ignore', 'pipe', 'pipe'] })
  const said: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => said.push(chunk))
  const [code] = (await once(child, 'close')) as [number | null]
  process.stdout.write(`> ${name}: ${command}\n${Buffer.concat(said).toString()}`)
  if (code !== 0) {
    console.log(`${name} failed`)
    process.exitCode = 1
  }
}

await Promise.all(process.argv.slice(2).map(run))

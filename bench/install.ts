import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Installs the packages of bench/package.json on first use, and when they change: the project itself does not depend on its peers. */
export function install(): void {
  const directory = fileURLToPath(new URL('.', import.meta.url))
  const timeOf = (file: string): number => statSync(directory + file, { throwIfNoEntry: false })?.mtimeMs ?? 0
  // What was installed for an older list lacks some.
  if (timeOf('node_modules/.package-lock.json') > timeOf('package-lock.json')) return
  process.stderr.write('Installing the peers to compare with into bench/node_modules (once; npm ci)\n')
  const npm = spawnSync('npm', ['ci', '--ignore-scripts', '--no-fund', '--no-audit', '--loglevel=error'], {
    cwd: directory,
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32'
  })
  if (npm.status !== 0) throw new Error('The peers could not be installed')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) install()

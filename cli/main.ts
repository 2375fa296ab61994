import { readManifest } from '../bundle/package.ts'
import { AnywireError } from '../lib/errors.ts'
import { ERR_OPTION } from '../lib/failures.ts'
import { bundleCommand } from './bundle.ts'
import { DONE, FAILED, MISUSED } from './command.ts'
import type { Command } from './command.ts'
import { connectCommand } from './connect.ts'
import { serveCommand } from './serve.ts'
import { storeCommand } from './store.ts'
import type { Streams } from './streams.ts'

const HELP = `anywire: one real-time API over any wire

  anywire serve            a server to try things out with
  anywire connect <url>    a client in the terminal
  anywire bundle           a client bundle for browsers, of the parts that you name
  anywire store <url>      the tables of records in a PostgreSQL

  anywire <command> --help
  anywire --version
`

const commands: Readonly<Record<string, Command>> = {
  serve: serveCommand,
  connect: connectCommand,
  bundle: bundleCommand,
  store: storeCommand
}

/** Whether the call was at fault, and not what came after it. */
const isMisuse = (error: Error): boolean =>
  error instanceof AnywireError
    ? error.code === 'ERR_OPTION'
    : 'code' in error && typeof error.code === 'string' && error.code.startsWith('ERR_PARSE_ARGS')

/**
 * Runs a command line.
 * @param args - what stands behind `anywire`
 * @returns the exit code: 0 done, 1 refused or failed, 2 not understood
 */
export const main = async (args: readonly string[], streams: Streams): Promise<number> => {
  const { output, errors } = streams
  const [name = '--help', ...rest] = args
  if (name === '--help' || name === '-h' || name === 'help') {
    output.write(HELP)
    return args.length > 0 ? DONE : MISUSED
  }
  if (name === '--version' || name === '-v') {
    output.write(`${readManifest().version}\n`)
    return DONE
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (!command) {
    errors.write(`anywire: there is no command '${name}'. See: anywire --help\n`)
    return MISUSED
  }
  if (rest.includes('--help') || rest.includes('-h')) {
    output.write(command.help)
    return DONE
  }
  try {
    return await command.run(rest, streams)
  } catch (error) {
    if (!(error instanceof Error)) throw error
    const misused = isMisuse(error)
    const message = error.message.replace(`${ERR_OPTION[2]}: `, '')
    errors.write(`anywire ${name}: ${message}${misused ? `\nSee: anywire ${name} --help` : ''}\n`)
    return misused ? MISUSED : FAILED
  }
}

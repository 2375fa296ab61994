import { parseArgs } from 'node:util'
import { contenders, type Contender, type ContenderName } from './contenders.ts'
import { workloads, type WorkloadName } from './workloads.ts'

export interface Options {
  rounds: number
  seconds: number
  workloads: WorkloadName[]
  contenders: ContenderName[]
  json: boolean
  assert: boolean
}

export const help = `Compares what a delivered message costs the servers of anywire and of its peers.

  npm run bench -- [options]

  --only a,b         workloads: ${Object.keys(workloads).join(', ')}
  --contenders a,b   servers: ${Object.keys(contenders).join(', ')} (default: all but floor and anywire-engine.io)
  --rounds n         rounds per workload and server, default 5 (idle: 3 at most)
  --seconds s        length of a round, default 0.6
  --json             print one JSON object instead of the table
  --assert           exit with 1 when anywire is over a budget
  --help             print this
`

/** Reads the command line; `undefined`: help is wanted. Throws on anything it does not know. */
export function parse(args: string[]): Options | undefined {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: 'string' },
      contenders: { type: 'string' },
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '0.6' },
      json: { type: 'boolean', default: false },
      assert: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false }
    }
  })
  if (values.help) return undefined
  return {
    rounds: positive('--rounds', values.rounds),
    seconds: positive('--seconds', values.seconds),
    workloads: names('--only', values.only, workloads),
    contenders: names('--contenders', values.contenders, contenders).filter(
      name => values.contenders !== undefined || !(contenders[name] as Contender).extra
    ),
    json: values.json,
    assert: values.assert
  }
}

function positive(option: string, text: string): number {
  const number = Number(text)
  if (number > 0 && number < Infinity) return number
  throw new Error(`${option} must be a positive number, not ${text}`)
}

/** Keeps the order of the table, so that rounds are interleaved the same way whatever was asked for. */
function names<T extends string>(option: string, text: string | undefined, known: Record<T, unknown>): T[] {
  const all = Object.keys(known) as T[]
  if (text === undefined) return all
  const wanted = text.split(',')
  const unknown = wanted.find(name => !Object.hasOwn(known, name))
  if (unknown !== undefined) throw new Error(`${option}: ${unknown} is none of ${all.join(', ')}`)
  return all.filter(name => wanted.includes(name))
}

import type { ContenderName } from './contenders.ts'

export type WorkloadName =
  | 'broadcast1'
  | 'broadcast20'
  | 'echo100'
  | 'echo1'
  | 'call100'
  | 'publish1'
  | 'publish20'
  | 'topics'
  | 'idle'

interface Base {
  title: string
  /** The title of its column. */
  short: string
  /** The most that anywire may cost, as a ratio to bare ws in the same run; and what it aims at. */
  budget: number
  aim: number
  /** Whom the budget is for, where that is not `anywire`; and whom it is beside, where that is not `ws`. */
  judged?: ContenderName
  beside?: ContenderName
  /** How many clients there are. Default: CLIENTS. */
  clients?: number
}

export type Workload = Base &
  (
    | { kind: 'broadcast'; /** Values per tick. */ values: number; /** Milliseconds from tick to tick. */ pace: number }
    | { kind: 'publish'; /** Values per tick, which reach nobody. */ values: number; pace: number }
    | { kind: 'echo' | 'call'; /** Values that each client keeps in flight. */ inFlight: number }
    | { kind: 'idle' }
  )

/** How many clients a server has while it broadcasts or echoes. */
export const CLIENTS = 500

/**
 * How many connections an idle server has at the first and at the second look at its memory. What is reported is the
 * slope: by the first look the heap and the allocator have grown to their working size.
 */
export const IDLE = [4_000, 10_000] as const

/** The ticks are slow enough that the slowest server is done with one before the next; they are the same for all. */
export const workloads: Readonly<Record<WorkloadName, Workload>> = {
  broadcast1: {
    kind: 'broadcast',
    title: 'broadcast, 1 message a tick',
    short: 'broadcast 1',
    values: 1,
    pace: 20,
    budget: 0.75,
    aim: 0.6
  },
  broadcast20: {
    kind: 'broadcast',
    title: 'broadcast, 20 messages a tick',
    short: 'broadcast 20',
    values: 20,
    pace: 250,
    budget: 0.08,
    aim: 0.05
  },
  echo100: {
    kind: 'echo',
    title: 'echo, 100 in flight per client',
    short: 'echo 100',
    inFlight: 100,
    budget: 0.55,
    aim: 0.4
  },
  echo1: { kind: 'echo', title: 'echo, 1 in flight per client', short: 'echo 1', inFlight: 1, budget: 0.95, aim: 0.8 },
  call100: {
    kind: 'call',
    title: 'rpc, 100 calls in flight per client',
    short: 'call 100',
    inFlight: 100,
    judged: 'anywire-rpc',
    beside: 'socket.io',
    budget: 0.4,
    aim: 0.33
  },
  publish1: {
    kind: 'broadcast',
    title: 'pubsub to 500 subscribers, 1 message a tick',
    short: 'publish 1',
    values: 1,
    pace: 20,
    judged: 'anywire-pubsub',
    beside: 'anywire',
    budget: 1.1,
    aim: 1
  },
  publish20: {
    kind: 'broadcast',
    title: 'pubsub to 500 subscribers, 20 messages a tick',
    short: 'publish 20',
    values: 20,
    pace: 250,
    judged: 'anywire-pubsub',
    beside: 'anywire',
    budget: 1.1,
    aim: 1
  },
  topics: {
    kind: 'publish',
    title: 'pubsub with 100,000 subscriptions to something else, beside 1,000',
    short: 'topics',
    values: 50_000,
    pace: 250,
    judged: 'anywire-topics',
    beside: 'anywire-few-topics',
    clients: 1_000,
    budget: 1.25,
    aim: 1
  },
  idle: { kind: 'idle', title: 'idle connection, RSS', short: 'idle RSS', budget: 1.5, aim: 1.2 }
}

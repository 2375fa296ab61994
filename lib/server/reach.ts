import type { LaneEnd } from '../lane.ts'

/** How many bits a number has. */
const BITS = 32

/** Who has lanes. */
interface Reached {
  readonly lanes: readonly (LaneEnd | undefined)[]
  /** The first of them that are connected, as bits. */
  readonly reach: number
}

/** The first lanes that are connected, as bits; the default one, 0, is. */
export const reachOf = (lanes: Reached['lanes']): number =>
  lanes.reduce((bits, end, lane) => (end && lane < BITS ? bits | (1 << lane) : bits), 1)

/** Whether a lane is connected. A broadcast has no time to fetch the lanes of each peer from memory: its bits come with itself. */
export const reaches = ({ lanes, reach }: Reached, lane: number): boolean =>
  lane < BITS ? ((reach >> lane) & 1) === 1 : lanes[lane] !== undefined

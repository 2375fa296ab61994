import { weigh } from '../../lib/weigh.ts'
import type { Row } from './wire.ts'

/** How much one message tells, as `weigh` counts: with three bytes a character still small. */
const PIECE = 16_384

/** Parts of a list that a message has room for. One who says more than that goes alone. */
export const piecesOf = (rows: readonly Row[]): readonly (readonly Row[])[] => {
  const pieces: Row[][] = []
  let room = 0
  for (const row of rows) {
    const weight = weigh(row, PIECE)
    if (weight > room) {
      pieces.push([])
      room = PIECE
    }
    room -= weight
    pieces.at(-1)?.push(row)
  }
  return pieces
}

/**
 * Writes rows, in smaller parts where that fails. One whose data cannot be told (it came by a parser that carries more, or is
 * too large) is told without.
 */
export const writeRows = (
  rows: readonly Row[],
  write: (rows: readonly Row[]) => unknown,
  failed: (error: unknown) => void
): void => {
  try {
    write(rows)
  } catch (error) {
    const half = rows.length >> 1
    const [row] = rows
    if (half) {
      writeRows(rows.slice(0, half), write, failed)
      writeRows(rows.slice(half), write, failed)
      return
    }
    failed(error)
    if (row && row.length > 2) writeRows([[row[0], row[1]]], write, failed)
  }
}

import type { Commit, Row, Value } from '../../lib/store.ts'

/** A record as it is kept, in one entry: its id, and one behind the other what its registers have. What is read most is few objects that way. */
export type Kept = readonly [id: string, ...registers: Value[]]

/** How many values of it a register has. */
const WIDTH = 6

const keptOf = (id: string, rows: readonly Row[]): Kept => [
  id,
  ...rows.flatMap(({ path, kind, value, t, node, seq }) => [path, kind, value, t, node, seq] as Value[])
]

/** By hand: much is read before a page shows anything. */
export const rowsOf = (kept: Kept, rows: Row[] = []): Row[] => {
  const [record] = kept
  for (let at = 1; at < kept.length; at += WIDTH) {
    rows.push({
      record,
      path: kept[at] as string,
      kind: kept[at + 1] as number,
      value: kept[at + 2],
      t: kept[at + 3] as number,
      node: kept[at + 4] as string,
      seq: kept[at + 5] as number
    })
  }
  return rows
}

/** What becomes of registers, by records and paths: undefined where one goes. */
type Changes = ReadonlyMap<string, Map<string, Row | undefined>>

export const changesOf = ({ rows, removed }: Pick<Commit, 'rows' | 'removed'>): Changes => {
  const changes = new Map<string, Map<string, Row | undefined>>()
  const put = (record: string, path: string, row: Row | undefined): void => {
    const paths = changes.get(record)
    if (paths) paths.set(path, row)
    else changes.set(record, new Map([[path, row]]))
  }
  for (const [record, path] of removed) put(record, path, undefined)
  // They are written a little later, and the caller may change bytes meanwhile.
  for (const row of rows)
    put(row.record, row.path, isCopied(row.value) ? row : { ...row, value: structuredClone(row.value) })
  return changes
}

/** Whether whoever puts a value somewhere has put a copy there. */
const isCopied = (value: unknown): boolean => typeof value !== 'object' || value === null

/** Brings registers into what is kept. @param failed - called when one cannot be kept */
export const change = (records: IDBObjectStore, changes: Changes, failed: (error: unknown) => void): void => {
  for (const [id, paths] of changes) {
    const request = records.get(id)
    request.onsuccess = () => {
      const rows = new Map<string, Row | undefined>()
      const before = request.result as Kept | undefined
      for (const row of before ? rowsOf(before) : []) rows.set(row.path, row)
      for (const [path, row] of paths) rows.set(path, row)
      const left = [...rows.values()].filter(row => row !== undefined)
      try {
        if (left.length)
          records.put(
            keptOf(
              id,
              left.sort((a, b) => (a.path < b.path ? -1 : 1))
            ),
            id
          )
        else records.delete(id)
      } catch (error) {
        failed(error)
      }
    }
  }
}

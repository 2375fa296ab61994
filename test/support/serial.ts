import assert from 'node:assert/strict'

/** What somebody did in one step: of which versions of what it has read, and what it has written anew. */
export interface Step {
  /** By records, who has written the version that was read; '' for nobody. */
  readonly reads: ReadonlyMap<string, string>
  /** Records; it has read before what it has written. */
  readonly writes: ReadonlySet<string>
}

/** Fails where steps cannot have been done one after the other. @param last - who has written each record last */
export const assertSerial = (steps: ReadonlyMap<string, Step>, last: ReadonlyMap<string, string>): void => {
  const next = new Map<string, string>()
  for (const [name, { reads, writes }] of steps)
    for (const record of writes) {
      const version = `${record} of ${reads.get(record)}`
      assert(!next.has(version), `${version} is overwritten by ${next.get(version)} and by ${name}`)
      next.set(version, name)
    }
  const behind = new Map<string, Set<string>>()
  const order = (first: string, second: string | undefined): void => {
    if (second === undefined || first === second) return
    const all = behind.get(first)
    if (all) all.add(second)
    else behind.set(first, new Set([second]))
  }
  for (const [name, { reads }] of steps)
    for (const [record, writer] of reads) {
      assert(writer === '' || steps.get(writer)?.writes.has(record), `${name} has read ${record} of ${writer}`)
      if (writer) order(writer, name)
      order(name, next.get(`${record} of ${writer}`))
    }
  for (const [record, writer] of last) assert(!next.has(`${record} of ${writer}`), `${record} of ${writer} is not last`)
  const done = new Set<string>()
  const visit = (name: string, path: readonly string[]): void => {
    assert(!path.includes(name), `a circle: ${path.join(', ')}, ${name}`)
    if (done.has(name)) return
    for (const other of behind.get(name) ?? []) visit(other, [...path, name])
    done.add(name)
  }
  for (const name of behind.keys()) visit(name, [])
}

import { MemoryDisk } from '../../stores/memory.ts'

/** What is on a disk now, on another one: that of a device whose storage was copied. */
export const copiedDisk = (disk: MemoryDisk): MemoryDisk => {
  const copy = new MemoryDisk()
  copy.commit({
    rows: [...disk.ids('')].flatMap(id => disk.rows(id)),
    removed: [],
    entries: disk.keys('').map(key => [key, structuredClone(disk.entry(key))])
  })
  return copy
}

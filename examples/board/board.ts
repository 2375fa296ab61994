// What is on the board, in memory and in a file that is complete at any time, whenever the process is killed.
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isMessage, isNote } from './values.ts'
import type { Change, Message, Note } from './values.ts'

const MOST_NOTES = 200
export const MOST_MESSAGES = 50
/** So many of the last changes are remembered, in case that they are sent again. */
const MOST_DONE = 1_000
/** Milliseconds in which changes gather for one write, and after which a failed one is tried again. */
const GATHER = 25
const RETRY = 1_000

export interface Board {
  /**
   * Makes a change, unless it was made before.
   * @returns false: there is no room for another note
   */
  change(change: Change): boolean
  /** Whether the change with this id is in the file. */
  knows(id: string): boolean
  snapshot(): { readonly notes: readonly Note[]; readonly messages: readonly Message[] }
  /** Resolves when everything is in the file. */
  settled(): Promise<void>
}

interface Kept {
  readonly notes: Map<string, Note>
  readonly messages: Message[]
  readonly done: Set<string>
}

const parse = (file: string, json: string): Readonly<Record<string, unknown>> => {
  try {
    return Object(JSON.parse(json)) as Readonly<Record<string, unknown>>
  } catch (error) {
    throw new Error(`${file} cannot be read. Delete it to begin with an empty board.`, { cause: error })
  }
}

const read = async (file: string): Promise<Kept> => {
  const json = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{}'
    throw error
  })
  const { notes, messages, done } = parse(file, json)
  const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])
  return {
    notes: new Map(
      list(notes)
        .filter(isNote)
        .map(note => [note.id, note])
    ),
    messages: list(messages).filter(isMessage),
    done: new Set(list(done).filter(id => typeof id === 'string'))
  }
}

/**
 * Opens the board of a file, or begins one.
 * @param saved - gets each change once it is in the file: only what will still be there tomorrow is told to anybody
 */
export const openBoard = async (file: string, saved: (change: Change) => void): Promise<Board> => {
  await mkdir(dirname(file), { recursive: true })
  const { notes, messages, done } = await read(file)
  /** Made, and not saved yet. */
  const fresh: Change[] = []
  let saving: Promise<void> | undefined

  const make = (change: Change): void => {
    if (change.type === 'add')
      notes.set(change.id, { id: change.id, text: change.text, color: change.color, x: change.x, y: change.y })
    else if (change.type === 'remove') notes.delete(change.note)
    else if (change.type === 'say') {
      messages.push({ id: change.id, by: change.by, text: change.text, at: change.at })
      messages.splice(0, messages.length - MOST_MESSAGES)
    } else {
      const { type: _type, id: _id, note, ...patch } = change
      const before = notes.get(note)
      if (before) notes.set(note, { ...before, ...patch })
    }
    done.add(change.id)
    for (const id of done) if (done.size > MOST_DONE) done.delete(id)
  }

  /** The new file takes the old one's place at once: there is no moment at which half of it is there. */
  const write = async (): Promise<void> => {
    const json = JSON.stringify({ notes: [...notes.values()], messages, done: [...done] })
    await writeFile(`${file}.new`, json, { flush: true })
    await rename(`${file}.new`, file)
  }

  const save = async (): Promise<void> => {
    await sleep(GATHER)
    const { length } = fresh
    try {
      await write()
      for (const change of fresh.splice(0, length)) saved(change)
    } catch (error) {
      console.error(`Cannot save ${file}, will try again:`, error)
      await sleep(RETRY)
    }
    saving = fresh.length > 0 ? save() : undefined
  }

  return {
    change(change) {
      if (done.has(change.id)) return true
      if (change.type === 'add' && notes.size >= MOST_NOTES) return false
      make(change)
      fresh.push(change)
      saving ??= save()
      return true
    },
    knows: id => done.has(id) && fresh.every(change => change.id !== id),
    snapshot: () => ({ notes: [...notes.values()], messages }),
    async settled() {
      while (saving) await saving
    }
  }
}

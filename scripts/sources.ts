import { existsSync, readFileSync } from 'node:fs'
import { SourceMap } from 'node:module'
import type { SourceMapPayload } from 'node:module'
import { relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const maps = new Map<string, SourceMap | undefined>()

const read = (file: string): SourceMap | undefined => {
  const path = `${file}.map`
  if (!maps.has(path)) {
    const map = existsSync(path) ? new SourceMap(JSON.parse(readFileSync(path, 'utf8')) as SourceMapPayload) : undefined
    maps.set(path, map)
  }
  return maps.get(path)
}

/** A stack with the places of the sources instead of those of what was compiled. */
export const inSources = (stack: string): string =>
  stack.replaceAll(
    /(?:file:\/\/)?(\/[^\s():]+\.js):(\d+):(\d+)/g,
    (place, file: string, line: string, column: string) => {
      const entry = read(file)?.findEntry(Number(line) - 1, Number(column) - 1)
      if (!entry || !('originalSource' in entry)) return place
      const source = fileURLToPath(new URL(entry.originalSource, pathToFileURL(file)))
      return `${relative('.', source)}:${entry.originalLine + 1}:${entry.originalColumn + 1}`
    }
  )

/* What a list may look like. It is the server that says so: pages can be changed by whoever reads them. */
import { LONGEST } from './page/model.ts'

type Fields = { readonly [key: string]: unknown }

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null

const isText = (value: unknown): boolean => typeof value === 'string' && value.length <= LONGEST

const isItem = (item: unknown): boolean =>
  isFields(item) &&
  isText(item['@pos']) &&
  isFields(item['@value']) &&
  isText(item['@value']['title']) &&
  typeof item['@value']['done'] === 'boolean'

/** Throws, with what its author is told, where a list is none. */
export const check = (list: unknown): void => {
  if (!isFields(list) || !isText(list['name']) || typeof list['made'] !== 'number') throw new Error('a list has a name')
  const items = Object.values(list['items'] ?? {})
  if (items.length > 1_000) throw new Error('a list has at most 1,000 items')
  if (!items.every(isItem)) throw new Error(`an item has a title of at most ${LONGEST} characters`)
}

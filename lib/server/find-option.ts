import { isObject } from '../option-rules.ts'

/** An option by its path: that of a group has the group's name and a dot before it. */
export const find = (options: unknown, path: string): unknown =>
  path
    .split('.')
    .reduce((value, name) => (isObject(value) ? Reflect.get(Object(value) as object, name) : undefined), options)

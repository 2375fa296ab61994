/*
 * engine.io joins the packets of a poll with U+001E and has no way to write it in a text: the rest of the text would be the
 * next packet. JSON never has it bare, other texts may; so it travels as U+001D and a digit, and U+001D as well.
 */

/** What stands between the packets of a poll. */
export const SEPARATOR = '\x1e'

const MARK = '\x1d'

/** Makes a text one that engine.io carries whole. */
export const escape = (text: string): string =>
  text.includes(MARK) || text.includes(SEPARATOR)
    ? text.replaceAll(MARK, `${MARK}0`).replaceAll(SEPARATOR, `${MARK}1`)
    : text

/** The text that was escaped. */
export const unescape = (text: string): string =>
  text.includes(MARK) ? text.replaceAll(`${MARK}1`, SEPARATOR).replaceAll(`${MARK}0`, MARK) : text

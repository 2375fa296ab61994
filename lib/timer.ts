/** The longest time that a timer waits, in milliseconds: 24 days. With a longer one it would not wait at all. */
export const LONGEST = 2_147_483_647

/** The value with a number: always 100 bytes of JSON, and different from the one before it. */
export function message(sequence: number): object {
  return {
    sequence: 100_000 + (sequence % 900_000),
    type: 'update',
    from: 'user-2741',
    text: 'the quick brown fox ',
    at: 1_767_225_600
  }
}

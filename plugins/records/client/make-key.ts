const SIZE = 12

/** A key that nobody else makes: 12 random bytes as 16 characters. */
export const makeKey = (): string =>
  btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(SIZE))))
    .replaceAll('+', '-')
    .replaceAll('/', '_')

/** The function of the standard, each request over a connection of its own: Node's may take one that a test has cut. */
export const standardFetch: typeof fetch = (input, init) => fetch(input, { ...init, headers: { connection: 'close' } })

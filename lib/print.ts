/** An error that nobody listens for is not lost: it is printed. */
export const print = (error: unknown): void => console.error(error)

import { createHash } from 'node:crypto'

/** What is kept of a secret of 64 random bits or more, so that it is known again when it is shown, and not from what is kept. */
export const sealOf = (secret: string): string => createHash('sha256').update(secret).digest('base64url')

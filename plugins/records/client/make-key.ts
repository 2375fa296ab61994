import { toBase64 } from '../core/base64.ts'

/** Random bytes as base64url: a key that nobody else makes, of 16 characters. */
export const makeKey = (bytes = 12): string => toBase64(crypto.getRandomValues(new Uint8Array(bytes)))

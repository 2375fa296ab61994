import type { AnywireError, ErrorCode } from '../errors.ts'

const STATUSES: Partial<Record<ErrorCode, number>> = {
  ERR_ORIGIN: 403,
  ERR_UNAUTHORIZED: 401,
  ERR_BUSY: 503,
  ERR_SHUTDOWN: 503
}

/** How HTTP says why a link was refused. */
export const httpStatus = (error: AnywireError): number => STATUSES[error.code] ?? 400

import { AnywireError, textOf } from '../../lib/errors.ts'
import { ERR_STORE } from '../../lib/failures.ts'

export const fail = (error: unknown): AnywireError => new AnywireError(ERR_STORE, textOf(error), error)

/** What a request comes to. @throws ERR_STORE */
export const answer = <T>(request: IDBRequest): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result as T)
    request.onerror = () => reject(fail(request.error))
  })

import { createServer } from 'node:http'
import type { Server } from 'node:http'

/** Makes an http.Server that nobody else uses: whatever is not ours is not there. */
export const makeHttp = (): Server =>
  createServer((_request, response) => {
    response.writeHead(404, { 'content-type': 'text/plain' }).end('Not found')
  })

/** Closes it with all of its connections. */
export const closeHttp = (http: Server): Promise<void> =>
  new Promise(resolve => {
    http.close(() => resolve())
    http.closeAllConnections()
  })

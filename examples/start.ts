/* Both pages: npm start. */
await import('./board/server.ts')
await import('./todos/server.ts')

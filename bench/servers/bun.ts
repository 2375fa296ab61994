import { serve } from '../serve.ts'

interface Socket {
  subscribe(topic: string): void
  send(text: string): void
}
interface Bun {
  serve(options: object): {
    port: number
    upgrade(request: Request): boolean
    publish(topic: string, text: string): void
  }
}
const { Bun } = globalThis as unknown as { Bun: Bun }

// Runs in Bun: its WebSocket server is C++, with publish and subscribe inside.
const server = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  fetch: (request: Request) => (server.upgrade(request) ? undefined : new Response(null, { status: 426 })),
  websocket: {
    perMessageDeflate: false,
    open: (socket: Socket) => socket.subscribe('all'),
    message: (socket: Socket, text: string) => socket.send(JSON.stringify(JSON.parse(text)))
  }
})

serve(server.port, value => server.publish('all', JSON.stringify(value)))

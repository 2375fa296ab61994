import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { peer } from '../peers.ts'
import { serve } from '../serve.ts'

interface Spark {
  on(event: 'data', listener: (value: unknown) => void): void
  write(value: unknown): boolean
}
interface Primus {
  on(event: 'connection', listener: (spark: Spark) => void): void
  write(value: unknown): void
}
const Primus = peer<new (http: unknown, options: object) => Primus>('primus')

const http = createServer()
const primus = new Primus(http, { transformer: 'websockets', parser: 'json', compression: false })

primus.on('connection', spark => {
  spark.on('data', value => spark.write(value))
})

http.listen(0, '127.0.0.1', () => {
  serve((http.address() as AddressInfo).port, value => primus.write(value))
})

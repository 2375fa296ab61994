import { connect, type Socket } from 'node:net'
import { CLOSE, PING, pong, putNumber, text, upgrade } from './frames.ts'
import type { Protocol } from './protocols.ts'

/** What all clients of one server share. */
export interface Script {
  port: number
  protocol: Protocol
  /** Bytes of a message that carries a value, and the first of them: this is how such messages are told from others. */
  size: number
  /** How many of them come before the value. */
  before: number
  first: number
  /** What an echo sends: many frames of the same value, and the length of one. */
  frames: Buffer
  frame: number
  /** Where in a frame the number of a call stands, where what is echoed are calls. */
  number: number | undefined
  /** Where calls at once are one message: the frame of each number of calls; where the first number stands, and how far it is to the next. */
  list:
    | {
        frames: readonly Buffer[]
        number: number
        step: number
        /** How far it is from an answer to the next one, and the byte that each begins with. */
        answer: number
        first: number
      }
    | undefined
  /** Whether the clients answer every value with another. */
  echoing: boolean
  /** Looks at a message with a value, number `index` since `expect`; throws when it is not the right one. */
  inspect: (index: number, payload: Buffer) => void
  fail: (error: Error) => void
}

/** The number of a client's first call: all have as many digits. */
export const FIRST = 1_000_000

/** One client of so many looks at the values themselves. */
const INSPECTING = 50

/** Every socket reads into this: a chunk is done with before the next read. */
const chunk = Buffer.allocUnsafe(65_536)

/**
 * A WebSocket client that hardly does anything, so that five hundred of them do not slow a server down: it counts messages
 * by length, and sends bytes made beforehand.
 */
export class Client {
  /** How many values it has got, and how many more it is to get. */
  received = 0
  owed = 0
  readonly #script: Script
  readonly #socket: Socket
  readonly #inspects: boolean
  readonly #open: () => void
  #upgraded = false
  #start = 0
  #called = 0
  /** Messages with values, which are what it acknowledges. */
  #consumed = 0
  #acknowledged: number
  #rest: Buffer | undefined

  /** @param open - called once, when values can be sent and received. */
  constructor(script: Script, index: number, open: () => void) {
    this.#script = script
    this.#inspects = index % INSPECTING === 0
    // As if they had come one after another in the past: else all would acknowledge in the same round, and in no other.
    this.#acknowledged = -(index % (script.protocol.acknowledge?.every ?? 1))
    this.#open = open
    this.#socket = connect({
      port: script.port,
      host: '127.0.0.1',
      noDelay: true,
      onread: {
        buffer: chunk,
        callback: length => {
          try {
            this.#read(chunk.subarray(0, length))
          } catch (error) {
            script.fail(error as Error)
          }
          return true
        }
      }
    })
    this.#socket.on('error', error => script.fail(error))
    this.#socket.on('end', () => script.fail(new Error('A server closed a connection')))
    this.#socket.write(upgrade(`127.0.0.1:${script.port}`, script.protocol.path))
  }

  /** Sends the value so many times. */
  send(count: number): void {
    const { frames, frame, number, list } = this.#script
    const listed = count > 1 && list?.frames[count]
    const all = listed || frames.subarray(0, count * frame)
    this.owed += count
    if (number === undefined) return void this.#socket.write(all)
    // Calls have the numbers that follow.
    const calls = Buffer.from(all)
    for (let call = 0; call < count; call++) {
      if (listed && list) putNumber(calls, 0, list.number + call * list.step, FIRST + this.#called++)
      else putNumber(calls, call * frame, number, FIRST + this.#called++)
    }
    this.#socket.write(calls)
  }

  /** So many values are about to be broadcast. */
  expect(count: number): void {
    this.owed += count
    this.#start = this.received
  }

  destroy(): void {
    this.#socket.removeAllListeners('error').on('error', () => {})
    this.#socket.resetAndDestroy()
  }

  #read(bytes: Buffer): void {
    const data = this.#rest ? Buffer.concat([this.#rest, bytes]) : bytes
    const at = this.#upgraded ? this.#messages(data, 0) : this.#head(data)
    this.#rest = at < data.length ? Buffer.from(data.subarray(at)) : undefined
  }

  /** Reads the answer to the upgrade and what follows it; returns how far it got. */
  #head(data: Buffer): number {
    const end = data.indexOf('\r\n\r\n')
    if (end < 0) return 0
    const head = data.toString('latin1', 0, end)
    if (!head.startsWith('HTTP/1.1 101')) throw new Error(`A server refused a WebSocket: ${head}`)
    this.#upgraded = true
    const { hello, opens } = this.#script.protocol
    if (hello !== undefined) this.#socket.write(text(hello))
    if (!opens) this.#open()
    return this.#messages(data, end + 4)
  }

  /** Reads all whole messages from `at` on; returns how far it got. */
  #messages(data: Buffer, at: number): number {
    const { size, first, before, list, echoing } = this.#script
    let values = 0
    while (data.length - at >= 2) {
      let start = at + 2
      let length = data[at + 1] ?? 0
      if (length === 126) {
        if (data.length - at < 4) break
        length = data.readUInt16BE(at + 2)
        start = at + 4
      }
      if (data.length - start < length) break
      const end = start + length
      if (length === size && data[start] === first) {
        if (this.#inspects) this.#inspect(values, data.subarray(start + before, end))
        values++
        this.#consumed++
      } else if (list && data[start] === first && data[start + before + 1] === list.first) {
        // The commas are one fewer, and there are two brackets.
        const count = (length - before - 1) / list.answer
        for (let answer = 0; answer < count; answer++) {
          const from = start + before + 1 + answer * list.answer
          if (this.#inspects) this.#inspect(values + answer, data.subarray(from, from + list.answer - 1))
        }
        values += count
        this.#consumed++
      } else {
        this.#control((data[at] ?? 0) & 15, data.subarray(start, end))
      }
      at = end
    }
    if (values > 0) this.#count(values, echoing)
    return at
  }

  #inspect(index: number, value: Buffer): void {
    this.#script.inspect(this.received + index - this.#start, value)
  }

  #count(values: number, echoing: boolean): void {
    this.received += values
    this.owed -= values
    const acknowledge = this.#script.protocol.acknowledge
    if (acknowledge && this.received - this.#acknowledged >= acknowledge.every) {
      this.#acknowledged = this.received
      this.#socket.write(text(acknowledge.text(this.#consumed)))
    }
    if (echoing) this.send(values)
  }

  #control(opcode: number, payload: Buffer): void {
    if (opcode === CLOSE)
      throw new Error(`A server closed a connection: ${payload.readUInt16BE()} ${payload.toString('utf8', 2)}`)
    if (opcode === PING) return void this.#socket.write(pong(payload))
    const data = payload.toString()
    const { opens, reply } = this.#script.protocol
    const answer = reply?.(data, this.#consumed)
    if (answer !== undefined) this.#socket.write(text(answer))
    if (opens?.(data)) this.#open()
  }
}

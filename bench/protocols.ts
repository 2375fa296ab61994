/**
 * What a client of a contender says and hears on its WebSocket, as far as the load generator has to know. Everything that
 * may change with a version of a contender is here.
 */
export interface Protocol {
  /** Path and query of the upgrade. */
  path: string
  /** What stands before and after the JSON text of a value, in both directions. */
  before: string
  after: string
  /** What the client says first. */
  hello?: string
  /** Whether this message, one without a value, says that values can be sent; without it, the upgrade says so. */
  opens?: (text: string) => boolean
  /** The answer to a message without a value. */
  reply?: (text: string, consumed: number) => string | undefined
  /** After how many values the client says how many it has consumed, and how. */
  acknowledge?: { every: number; text: (consumed: number) => string }
}

const engine = {
  opens: (text: string): boolean => text.startsWith('0{'),
  reply: (text: string): string | undefined => (text === '2' ? '3' : undefined)
}

const hello = '!0{"v":1,"parser":"json","plugins":[],"window":1048576,"limit":1048576}'

/** What a client of anywire answers to a message without a value. */
const answer = (text: string, consumed: number): string | undefined => {
  if (text.startsWith('!2')) throw new Error(`anywire said goodbye: ${text}`)
  return text.startsWith('!4') ? `!5${consumed}` : undefined
}

export const protocols = {
  plain: { path: '/', before: '', after: '' },

  'engine.io': { ...engine, path: '/engine.io/?EIO=4&transport=websocket', before: '4', after: '' },

  'socket.io': {
    path: '/socket.io/?EIO=4&transport=websocket',
    before: '42["m",',
    after: ']',
    opens: text => text.startsWith('40{'),
    reply: text => (engine.opens(text) ? '40' : engine.reply(text))
  },

  primus: {
    path: '/primus',
    before: '',
    after: '',
    reply: text => (text.startsWith('"primus::ping::') ? text.replace('ping', 'pong') : undefined)
  },

  // A real client in all that the server can tell: it has a session with recovery, and acknowledges what it consumed.
  anywire: {
    path: '/anywire?anywire=1',
    before: '',
    after: '',
    hello,
    opens: text => text.startsWith('!1'),
    reply: answer,
    acknowledge: { every: 256, text: consumed => `!3${consumed}` }
  },

  // The same client, in the packets of engine.io.
  'anywire-engine.io': {
    path: '/anywire?anywire=1&EIO=4&transport=websocket',
    before: '4',
    after: '',
    hello: `4${hello}`,
    opens: text => text.startsWith('4!1'),
    reply(text, consumed) {
      const own = text.startsWith('4') ? answer(text.slice(1), consumed) : undefined
      return own === undefined ? engine.reply(text) : `4${own}`
    },
    acknowledge: { every: 256, text: consumed => `4!3${consumed}` }
  }
} satisfies Record<string, Protocol>

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
  /** What a call says, and the answer to it; the numbers all have as many digits. Without it, it makes no calls. */
  call?: {
    asks: (number: number, value: string) => string
    answers: (number: number, value: string) => string
    /** What stands before them in a message. */
    before?: string
    /** Whether calls that are made at once, and answers that come at once, are a list in one message. */
    list?: true
  }
  /** After how many values the client says how many it has consumed, and how. */
  acknowledge?: { every: number; text: (consumed: number) => string }
}

const engine = {
  opens: (text: string): boolean => text.startsWith('0{'),
  reply: (text: string): string | undefined => (text === '2' ? '3' : undefined)
}

const greet = (plugin?: string): string =>
  `!0{"v":1,"parser":"json","plugins":${plugin ? `[["${plugin}",1]]` : '[]'},"window":1048576,"limit":1048576}`

const hello = greet()

/** What a client of anywire answers to a message without a value. */
const answer = (text: string, consumed: number): string | undefined => {
  if (text.startsWith('!2')) throw new Error(`anywire said goodbye: ${text}`)
  return text.startsWith('!4') ? `!5${consumed}` : undefined
}

/** A call as an application would write it on bare ws, where an echo answers it. */
const numbered = (number: number, value: string): string => `{"id":${number},"value":${value}}`

/** A client with so many subscriptions, most with wildcards, that no other client has, and that do not meet `news.sport.tennis`. */
const subscriber = (count: number): Protocol => {
  let clients = 0
  const topics = (): unknown[] => {
    const client = clients++
    return Array.from({ length: count }, (_, topic) => {
      const kind = client + topic
      const parent = ['news.sport', 'news.*', 'news', '*.sport'][kind % 4] ?? ''
      return [topic + 1, 0, `${parent}.c${client}.t${topic}${kind % 8 < 4 ? '.>' : ''}`, 'x']
    })
  }
  return {
    ...anywire,
    hello: greet('pubsub'),
    opens: text => text.startsWith(`!A[-${count},0`),
    reply: (text, consumed) => (text.startsWith('!1') ? `!A${JSON.stringify(topics())}` : answer(text, consumed))
  }
}

// A real client in all that the server can tell: it has a session with recovery, and acknowledges what it consumed.
const anywire: Protocol = {
  path: '/anywire?anywire=1',
  before: '',
  after: '',
  hello,
  opens: text => text.startsWith('!1'),
  reply: answer,
  acknowledge: { every: 256, text: consumed => `!3${consumed}` }
}

export const protocols = {
  plain: {
    path: '/',
    before: '',
    after: '',
    call: { asks: numbered, answers: numbered }
  },

  'engine.io': { ...engine, path: '/engine.io/?EIO=4&transport=websocket', before: '4', after: '' },

  'socket.io': {
    path: '/socket.io/?EIO=4&transport=websocket',
    before: '42["m",',
    after: ']',
    call: {
      asks: (number, value) => `42${number}["call",${value}]`,
      answers: (number, value) => `43${number}[${value}]`
    },
    opens: text => text.startsWith('40{'),
    reply: text => (engine.opens(text) ? '40' : engine.reply(text))
  },

  primus: {
    path: '/primus',
    before: '',
    after: '',
    reply: text => (text.startsWith('"primus::ping::') ? text.replace('ping', 'pong') : undefined)
  },

  anywire,

  'anywire-rpc': {
    ...anywire,
    hello: greet('rpc'),
    call: {
      asks: (number, value) => `[${number},"echo",0,${value}]`,
      answers: (number, value) => `[-${number},0,${value}]`,
      before: '!A',
      list: true
    }
  },

  'anywire-pubsub': {
    ...anywire,
    before: '!A["news",0,0,',
    after: ']',
    hello: greet('pubsub'),
    opens: text => text.startsWith('!A[-1,0'),
    reply: (text, consumed) => (text.startsWith('!1') ? '!A[[1,0,"news","x"]]' : answer(text, consumed))
  },

  'anywire-topics': subscriber(100),
  'anywire-few-topics': subscriber(1),

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

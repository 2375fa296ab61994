/* A network that can be switched off: nobody says goodbye, as in a tunnel. */
let isOn = true
let socket: WebSocket | undefined

class Socket extends WebSocket {
  constructor(url: string | URL) {
    if (!isOn) throw new Error('the network is switched off')
    super(url)
    socket = this
  }
}

globalThis.WebSocket = Socket

export const switchNetwork = (on: boolean): void => {
  isOn = on
  if (!on) socket?.close()
}

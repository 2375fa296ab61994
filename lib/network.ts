import type { Undo } from './emitter.ts'

/** What a browser tells about the network and the page: `back` when the page is shown again, or comes back from a cache. */
export type NetworkEvent = 'online' | 'offline' | 'back'

/** Listens to a browser. Elsewhere nothing is told. */
export const watchNetwork = (listener: (event: NetworkEvent) => void): Undo => {
  if (typeof addEventListener !== 'function') return () => {}
  const told = ({ type }: Event): void => {
    if (type === 'online' || type === 'offline') listener(type)
    else if (typeof document === 'undefined' || !document.hidden) listener('back')
  }
  const types = ['online', 'offline', 'pageshow', 'visibilitychange']
  // `visibilitychange` is the document's, and bubbles to the window.
  for (const type of types) addEventListener(type, told)
  return () => {
    for (const type of types) removeEventListener(type, told)
  }
}

/** Whether the browser says that there is no network at all. */
export const isOffline = (): boolean => typeof navigator !== 'undefined' && !navigator.onLine

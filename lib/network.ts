import type { Undo } from './emitter.ts'

/** Listens to a browser: the network came or went, or the page is shown again. Elsewhere nothing is told. */
export const watchNetwork = (listener: (type: string) => void): Undo => {
  const told = ({ type }: Event): void => {
    if (type !== 'visibilitychange' || !document.hidden) listener(type)
  }
  const listening = new AbortController()
  // `visibilitychange` is the document's, and bubbles to the window.
  for (const type of ['online', 'offline', 'pageshow', 'visibilitychange'])
    globalThis.addEventListener?.(type, told, listening)
  return () => listening.abort()
}

/** Whether the browser says that there is no network at all. Elsewhere nothing says so. */
export const isOffline = (): boolean => (globalThis.navigator as Navigator | undefined)?.onLine === false

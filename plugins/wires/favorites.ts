/** Which transformer carried a connection to an origin last, for the next time. */
export interface Favorites {
  get(origin: string): string | undefined
  /** @param time - milliseconds until it is forgotten */
  set(origin: string, transformer: string, time: number): void
}

const PREFIX = 'anywire:'

const own = new Map<string, string>()

/** The browser's storage, where there is one that works; otherwise what this module remembers. */
const store = {
  read(key: string): string | null {
    try {
      return localStorage.getItem(key) ?? own.get(key) ?? null
    } catch {
      return own.get(key) ?? null
    }
  },
  write(key: string, value: string): void {
    own.set(key, value)
    try {
      localStorage.setItem(key, value)
    } catch {
      // There is none, it is full, or forbidden.
    }
  }
}

export const favorites: Favorites = {
  get(origin) {
    const [until = '', ...name] = (store.read(PREFIX + origin) ?? '').split(' ')
    return +until > Date.now() ? name.join(' ') : undefined
  },
  set(origin, transformer, time) {
    store.write(PREFIX + origin, `${Date.now() + time} ${transformer}`)
  }
}

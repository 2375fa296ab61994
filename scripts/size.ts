import { brotliCompressSync } from 'node:zlib'
import { build } from 'esbuild'

/** What a page pays for the client: brotli bytes of the minified bundle, at most. 1 KB is 1000 bytes. */
const budgets: { what: string; code: string; bytes: number }[] = [
  { what: 'core + ws + json + reconnect + offline', code: `export { connect } from 'anywire'`, bytes: 5_000 }
]

const measure = async (code: string): Promise<number> => {
  const {
    outputFiles: [output]
  } = await build({
    stdin: { contents: code, resolveDir: import.meta.dirname },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    write: false
  })
  if (!output) throw new Error('esbuild made no bundle')
  return brotliCompressSync(output.contents).length
}

for (const { what, code, bytes } of budgets) {
  const size = await measure(code)
  const over = size > bytes
  console.log(`${over ? 'TOO LARGE' : 'ok'}: ${what}: ${size} of ${bytes} bytes`)
  if (over) process.exitCode = 1
}

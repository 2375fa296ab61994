// Makes the client that the package brings along and servers hand out: the defaults. `npm run build` runs it behind tsc.
import { mkdir, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { bundle } from '../bundle/index.ts'

const root = fileURLToPath(new URL('../', import.meta.url))
const folder = `${root}dist/client/`

await mkdir(folder, { recursive: true })
for (const [name, format] of [
  ['client.js', 'esm'],
  ['client.global.js', 'global']
] as const) {
  const { code, map = '' } = await bundle({ format, sourcemap: true })
  await writeFile(`${folder}${name}`, `${code}//# sourceMappingURL=${name}.map\n`)
  await writeFile(`${folder}${name}.map`, map)
}

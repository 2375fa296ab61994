import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { MADE } from '../bundle/declarations.ts'
import { bundle } from '../bundle/index.ts'
import type { Import } from '../bundle/index.ts'
import { choose, DONE, misuse } from './command.ts'
import type { Command } from './command.ts'

const HELP = `anywire bundle: makes a client bundle for browsers, of exactly the parts that are named. Needs esbuild.

  --transformers <names>     in order of preference, separated by commas; default ws
  --plugins <names>          in order; default reconnect,offline, and wires for
                             several transformers; '' for none
  --stores <names>           what the plugin records may keep its data in, such as indexeddb:
                             the bundle then has keep; default none
  --parser <name>            default json
  --import <name>=<module>   a part of your own, or of a package, by the name that the lists use; again for more.
                             <module> is a path or the name of a package, with #factory behind it
                             where its factory has another name
  --format esm|global        a module, or a classic script with one global variable; default esm
  --global <name>            the name of that variable; default anywire
  --out <file>               default: the standard output. Beside client.js its types are written, as client.d.ts
  --no-minify
  --sourcemap                writes <file>.map too

Prints the sizes on the standard error.
  anywire bundle --plugins reconnect --parser msgpack --out public/client.js
  anywire bundle --plugins reconnect,records --stores indexeddb --out public/client.js
  anywire bundle --import cursors=./cursors.js --plugins reconnect,offline,cursors --out public/client.js
`

const split = (names: string | undefined): string[] | undefined =>
  names
    ?.split(',')
    .map(name => name.trim())
    .filter(name => name !== '')

/** Reads `name=module#factory`. A # at the beginning is the module's own. */
const parseImport = (text: string): [name: string, from: Import] => {
  const [, name, from, factory] = /^([^=]+)=(.[^#]*)(?:#([^#]+))?$/.exec(text) ?? []
  if (name === undefined || from === undefined) throw misuse(`--import takes name=module, and got '${text}'`)
  return [name, { from, ...(factory !== undefined && { factory }) }]
}

/** Where the types of a file are looked for. */
const declarationsOf = (file: string): string => {
  const [, name = file, kind = ''] = /^(.*)\.([cm]?)js$/s.exec(file) ?? []
  return `${name}.d.${kind}ts`
}

/** Whether a file may be written: there is none, or it was made here. */
const isOurs = async (file: string): Promise<boolean> => {
  try {
    return (await readFile(file, 'utf8')).startsWith(MADE)
  } catch {
    return true
  }
}

const kilobytes = (bytes: number): string => `${(bytes / 1000).toFixed(2)} KB`

export const bundleCommand: Command = {
  help: HELP,
  async run(args, { output, errors }) {
    const { values } = parseArgs({
      args,
      options: {
        transformers: { type: 'string' },
        plugins: { type: 'string' },
        stores: { type: 'string' },
        parser: { type: 'string' },
        import: { type: 'string', multiple: true, default: [] },
        format: { type: 'string', default: 'esm' },
        global: { type: 'string' },
        out: { type: 'string' },
        'no-minify': { type: 'boolean', default: false },
        sourcemap: { type: 'boolean', default: false }
      }
    })
    const { parser, global, out, sourcemap } = values
    const transformers = split(values.transformers)
    const plugins = split(values.plugins)
    const stores = split(values.stores)
    if (sourcemap && out === undefined) throw misuse('--sourcemap needs --out')
    const { code, map, size, gzip, brotli, types } = await bundle({
      ...(transformers && { transformers }),
      ...(plugins && { plugins }),
      ...(stores && { stores }),
      ...(parser !== undefined && { parser }),
      ...(global !== undefined && { global }),
      imports: Object.fromEntries(values.import.map(parseImport)),
      format: choose('format', values.format, { esm: 'esm', global: 'global' } as const),
      minify: !values['no-minify'],
      sourcemap
    })
    if (out === undefined) output.write(code)
    else {
      const link = map === undefined ? '' : `//# sourceMappingURL=${encodeURI(basename(out))}.map\n`
      await mkdir(dirname(out), { recursive: true })
      await writeFile(out, code + link)
      if (map !== undefined) await writeFile(`${out}.map`, map)
      const declarations = declarationsOf(out)
      if (await isOurs(declarations)) await writeFile(declarations, types(dirname(out)))
      else errors.write(`${declarations} is none of ours, and stays as it is\n`)
    }
    errors.write(`${out ?? 'bundle'}: ${kilobytes(size)}, gzip ${kilobytes(gzip)}, brotli ${kilobytes(brotli)}\n`)
    return DONE
  }
}

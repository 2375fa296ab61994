import { execFile, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { transform } from 'esbuild'

type Target = string | { readonly default: string }

/** Where `anywire` and its subpaths come from, for code that runs here: the sources. */
const sources = (): Map<string, string> => {
  const { exports } = JSON.parse(readFileSync('package.json', 'utf8')) as { exports: Record<string, Target> }
  const files = Object.entries(exports).flatMap(([subpath, target]): [string, string][] => {
    if (typeof target === 'string') return []
    const source = target.default.replace('./dist/', '').replace(/js$/, 'ts')
    return [[`anywire${subpath.slice(1)}`, resolve(source)]]
  })
  return new Map(files)
}

/** Names our own files in the place of `anywire` and its subpaths. */
const link = (code: string): string => {
  const known = sources()
  return code.replaceAll(/(['"])(anywire[\w/.-]*)\1/g, (quoted, _quote, subpath: string) => {
    const source = known.get(subpath)
    return source === undefined ? quoted : `'${pathToFileURL(own(source)).href}'`
  })
}

const isSource = import.meta.url.endsWith('.ts')

/** What Node needs to run what these tests are. */
const loader = isSource ? ['--import', 'tsx'] : []

/** Which file these tests have in the place of a source: `npm test` has compiled ones. */
const own = (source: string, ending = 'js'): string => {
  const root = new URL('../../../', import.meta.url)
  const name = relative('.', source)
  return fileURLToPath(new URL(isSource ? name : name.replace(/ts$/, ending), root))
}

/** A folder for code of the documentation: inside the project, so that its packages are found, and out of git's sight. */
export class Workshop {
  readonly folder: string
  readonly #children: ChildProcess[] = []
  #modules = 0

  constructor() {
    mkdirSync('node_modules/.cache', { recursive: true })
    this.folder = mkdtempSync(resolve('node_modules/.cache/anywire-docs-'))
    this.write('package.json', '{ "type": "module" }')
  }

  write(name: string, content: string): string {
    const path = join(this.folder, name)
    writeFileSync(path, content)
    return path
  }

  /** Checks the types of files in the folder. Returns what the compiler says about them. */
  check(names: readonly string[]): Promise<string> {
    // Declarations need no check of what is behind them, which takes most of the time.
    const paths = Object.fromEntries(
      [...sources()].map(([name, path]) => [name, [relative(this.folder, own(path, 'd.ts'))]])
    )
    const settings = {
      extends: relative(this.folder, resolve('tsconfig.json')),
      compilerOptions: { paths, rootDir: relative(this.folder, '.'), noUnusedLocals: false, noUnusedParameters: false },
      // Else those of the project, all of them, which `npm run types` checks.
      include: [],
      files: names
    }
    const config = this.write('tsconfig.json', JSON.stringify(settings))
    return new Promise(resolve => {
      execFile(process.execPath, ['node_modules/typescript/bin/tsc', '-p', config], (_error, stdout, stderr) => {
        resolve(stdout + stderr)
      })
    })
  }

  /** Starts a program of the documentation, with what these tests run in the place of the package. */
  async start(code: string): Promise<ChildProcess> {
    const file = await this.#compile(code)
    const child = spawn(process.execPath, [...loader, file], { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#children.push(child)
    return child
  }

  /** Loads a module of the documentation into this program, with what it has loaded itself in the place of the package. */
  async load<T>(code: string): Promise<T> {
    return (await import(pathToFileURL(await this.#compile(code)).href)) as T
  }

  /** Writes the JavaScript of a module. Returns its path. */
  async #compile(code: string): Promise<string> {
    const { code: compiled } = await transform(code, { loader: 'ts', format: 'esm', target: 'node20' })
    return this.write(`module-${this.#modules++}.js`, link(compiled))
  }

  async close(): Promise<void> {
    for (const child of this.#children.filter(({ exitCode }) => exitCode === null)) {
      const gone = new Promise(resolve => child.once('exit', resolve))
      child.kill()
      await gone
    }
    rmSync(this.folder, { recursive: true })
  }
}

/** The first line that a program prints and `pattern` finds. */
export const line = (child: ChildProcess, pattern: RegExp): Promise<string> =>
  new Promise((resolve, reject) => {
    let output = ''
    child.stdout?.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      const found = output.split('\n').find(text => pattern.test(text))
      if (found !== undefined) resolve(found)
    })
    child.once('exit', code => reject(new Error(`it ended with ${code}, after: ${output}`)))
  })

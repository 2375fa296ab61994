import { govern, Patterns } from '../../lib/patterns.ts'
import type { Peer } from '../../lib/server/peer.ts'
import type { presence } from '../presence/index.ts'
import type { pubsub } from '../pubsub/index.ts'
import type { records } from '../records/index.ts'
import type { rpc } from '../rpc/index.ts'

/** What a rule is asked. */
export interface Question<Context = unknown> {
  readonly peer: Peer<Context>
  /** What `authenticate` returned. */
  readonly context: Context
  /** What the peer wants to do: `subscribe`, `publish`, `call`; the plugin's page lists its verbs. */
  readonly verb: string
  /** Of the topic, procedure or record; with wildcards where somebody subscribes to a pattern. */
  readonly name: string
  /** What would be written, where something is. */
  readonly value: unknown
  /** What would be replaced, where something is. */
  readonly previous: unknown
}

/** Whether something is allowed. Only true says so; a rule that throws or rejects denies, and is reported. */
export type Rule<Context = unknown> = boolean | ((question: Question<Context>) => boolean | Promise<boolean>)

/** Rules by pattern of names, or one for all names. */
type Names<Context> = Rule<Context> | { readonly [pattern: string]: Rule<Context> }

/** Rules by verb, or one for all verbs. */
type Verbs<Context, Verb extends string> = Rule<Context> | { readonly [V in Verb]?: Names<Context> | undefined }

/** The verbs of a plugin, by its factory. */
type VerbsOf<F extends (...options: never[]) => { readonly verbs: readonly string[] }> = ReturnType<F>['verbs'][number]

/** Rules by plugin: `{ pubsub: { subscribe: { 'news.>': true } } }`. */
export interface Rules<Context = unknown> {
  readonly pubsub?: Verbs<Context, VerbsOf<typeof pubsub>> | undefined
  readonly presence?: Verbs<Context, VerbsOf<typeof presence>> | undefined
  readonly records?: Verbs<Context, VerbsOf<typeof records>> | undefined
  readonly rpc?: Verbs<Context, VerbsOf<typeof rpc>> | undefined
  readonly [plugin: string]: Verbs<Context, string> | undefined
}

interface Entry<Context> {
  readonly pattern: string
  readonly rule: Rule<Context>
}

const isRule = <Context>(value: Verbs<Context, string> | Names<Context>): value is Rule<Context> =>
  typeof value !== 'object'

const ANY = '>'

/** Undefined was not said. */
export const given = <T>(rules: { readonly [name: string]: T | undefined }): [name: string, rule: T][] =>
  Object.entries(rules).flatMap(([name, rule]) => (rule === undefined ? [] : [[name, rule]]))

const parseNames = <Context>(names: Names<Context>): Patterns<Entry<Context>> => {
  const patterns = new Patterns<Entry<Context>>()
  const entries: Iterable<[string, Rule<Context>]> = isRule(names) ? [[ANY, names]] : Object.entries(names)
  for (const [pattern, rule] of entries) patterns.set(pattern, { pattern, rule })
  return patterns
}

/** The rules, ready to be looked up. */
export class RuleBook<Context> {
  readonly #otherwise: Rule<Context>
  readonly #plugins = new Map<string, Rule<Context> | Map<string, Patterns<Entry<Context>>>>()

  constructor(rules: Rules<Context>, otherwise: Rule<Context>) {
    this.#otherwise = otherwise
    for (const [plugin, verbs] of given(rules)) {
      const parsed = isRule(verbs) ? verbs : new Map(given(verbs).map(([verb, names]) => [verb, parseNames(names)]))
      this.#plugins.set(plugin, parsed)
    }
  }

  /** The rules that must all allow it. */
  find(plugin: string, verb: string, name: string): Rule<Context>[] {
    const verbs = this.#plugins.get(plugin) ?? this.#otherwise
    if (!(verbs instanceof Map)) return [verbs]
    const names = verbs.get(verb)
    if (!names) return [this.#otherwise]
    const [covering, ...within] = govern(names, name)
    return [covering?.rule ?? this.#otherwise, ...within.map(({ rule }) => rule)]
  }
}

import { govern, Patterns } from '../../lib/patterns.ts'
import type { Peer } from '../../lib/server/peer.ts'

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
type Verbs<Context> = Rule<Context> | { readonly [verb: string]: Names<Context> }

/** Rules by plugin: `{ pubsub: { subscribe: { 'news.>': true } } }`. */
export interface Rules<Context = unknown> {
  readonly [plugin: string]: Verbs<Context>
}

interface Entry<Context> {
  readonly pattern: string
  readonly rule: Rule<Context>
}

const isRule = <Context>(value: Verbs<Context> | Names<Context>): value is Rule<Context> => typeof value !== 'object'

const ANY = '>'

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
    for (const [plugin, verbs] of Object.entries(rules)) {
      const parsed = isRule(verbs)
        ? verbs
        : new Map(Object.entries(verbs).map(([verb, names]) => [verb, parseNames(names)]))
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

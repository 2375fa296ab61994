import type { Listenable } from '../../lib/connection.ts'
import { CheckedEmitter } from '../../lib/checked-emitter.ts'
import { isClosedError } from '../../lib/closed.ts'
import type { During, PluginInfo } from '../../lib/plugin.ts'
import type { EventNames } from '../../lib/checked-emitter.ts'
import { report } from '../../lib/report.ts'
import { check, checkPartOptions } from '../../lib/option-rules.ts'
import type { Peer } from '../../lib/server/peer.ts'
import type { Server } from '../../lib/server/server.ts'
import { checkRules, checkShape, RULE, RULES } from './check.ts'
import { RuleBook } from './rules.ts'
import type { Question, Rule, Rules } from './rules.ts'

export interface PermissionsOptions<Context = unknown> {
  /** For what no rule is about. Default false. */
  readonly otherwise?: Rule<Context> | undefined
}

/** What a plugin asks for. */
export interface PermissionRequest<Context = unknown> {
  readonly peer: Peer<Context>
  /** The name of the plugin that asks. */
  readonly plugin: string
  readonly verb: string
  readonly name: string
  readonly value?: unknown
  readonly previous?: unknown
}

export interface PermissionsEvents {
  /** What these peers may do has changed: plugins ask again about what goes on, such as subscriptions. */
  refresh: [peers: readonly Peer[]]
}

/** What a plugin does for peers, one after the other. */
export interface Work {
  /** The name of the plugin. */
  readonly plugin: string
  /** How much of a peer's is done. */
  done(peer: Peer): number
  /** Resolves when all is done that is there of a peer by now; undefined: it is. */
  settled(peer: Peer): Promise<void> | undefined
}

/** `server.permissions` */
export interface Permissions<Context = unknown> extends Listenable<PermissionsEvents> {
  /**
   * Whether a peer may do something: at once, unless one of the rules is asynchronous, or denies it while something of the peer is on
   * its way. Never throws or rejects.
   */
  check(request: PermissionRequest<Context>): boolean | Promise<boolean>
  /**
   * For plugins whose work rules may depend on. What is denied to a peer, while some of it is on its way, is asked for once more behind
   * that; but not for the plugin itself.
   */
  behind(work: Work): void
  /** Has everything asked again that goes on for a peer, for those that a filter names, or for all. */
  refresh(peers?: Peer<Context> | ((peer: Peer<Context>) => boolean)): void
}

const EVENTS: EventNames<PermissionsEvents> = { refresh: true }

class Judge<Context> extends CheckedEmitter<PermissionsEvents> implements Permissions<Context> {
  protected readonly eventNames = EVENTS
  readonly #server: Server<Peer<Context>>
  readonly #book: RuleBook<Context>
  readonly #works: Work[] = []
  /** Whether the server is closed. */
  isOver = false

  constructor(server: Server<Peer<Context>>, book: RuleBook<Context>) {
    super()
    this.#server = server
    this.#book = book
  }

  check(request: PermissionRequest<Context>): boolean | Promise<boolean> {
    const answer = this.#judge(request)
    if (answer === true) return true
    const { peer, plugin } = request
    const works = this.#works.filter(work => work.plugin !== plugin)
    if (!works.length || (!answer && !works.some(work => work.settled(peer) !== undefined))) return answer
    const before = works.map(work => work.done(peer))
    return this.#settle(request, answer, works, before)
  }

  behind(work: Work): void {
    this.#works.push(work)
  }

  /** An answer, or another one, where something that it may depend on is done since. */
  async #settle(
    request: PermissionRequest<Context>,
    answer: boolean | Promise<boolean>,
    works: readonly Work[],
    before: readonly number[]
  ): Promise<boolean> {
    if (await answer) return true
    await Promise.all(works.flatMap(work => work.settled(request.peer) ?? []))
    const isSame = works.every((work, at) => work.done(request.peer) === before[at])
    return !isSame && this.#judge(request)
  }

  #judge({ plugin, ...asked }: PermissionRequest<Context>): boolean | Promise<boolean> {
    const { peer, verb, name, value, previous } = asked
    const question = { peer, context: peer.context, verb, name, value, previous }
    const pending: Promise<boolean>[] = []
    for (const rule of this.#book.find(plugin, verb, name)) {
      const answer = this.#ask(rule, question)
      if (!answer) return false
      if (answer !== true) pending.push(answer)
    }
    return pending.length === 0 || Promise.all(pending).then(answers => answers.every(Boolean))
  }

  refresh(peers: Peer<Context> | ((peer: Peer<Context>) => boolean) = () => true): void {
    this.emit('refresh', typeof peers === 'function' ? [...this.#server.peers].filter(peers) : [peers])
  }

  override failed(error: unknown, event: string): void {
    report(this.#server, error, event)
  }

  #ask(rule: Rule<Context>, question: Question<Context>): boolean | Promise<boolean> {
    if (typeof rule !== 'function') return isTrue(rule)
    const fail = (error: unknown): false => {
      // What is under way when all is closed, and finds that so, has not failed.
      if (!this.isOver || !isClosedError(error)) report(question.peer, error, 'permissions')
      return false
    }
    try {
      const answer = rule(question)
      return answer instanceof Promise ? answer.then(isTrue, fail) : isTrue(answer)
    } catch (error) {
      return fail(error)
    }
  }
}

/** What is written in JavaScript may return anything. */
const isTrue = (answer: unknown): boolean => answer === true

/** What `permissions` makes. */
export interface PermissionsPlugin<Context = unknown> extends PluginInfo {
  readonly name: 'permissions'
  readonly version: 1
  readonly local: true
  readonly first: true
  server(server: Server<Peer<Context>>, during: During): Permissions<Context>
}

/**
 * Says who may do what. What no rule is about is denied, unless `otherwise` says something else.
 * @throws ERR_OPTION for what is no object of rules; where the server is made, for rules about a plugin or a verb that is not there
 * @example
 * permissions<{ user: string }>({
 *   pubsub: { subscribe: { 'news.>': true, 'user.*': ({ name, context }) => name === `user.${context.user}` } }
 * })
 */
export const permissions = <Context = unknown>(
  rules: Rules<Context> = {},
  options: PermissionsOptions<Context> = {}
): PermissionsPlugin<Context> => {
  check("the rules of 'permissions'", rules, RULES)
  checkShape(rules)
  checkPartOptions<PermissionsOptions<never>>('permissions', options, { otherwise: RULE })
  const { otherwise = false } = options
  const book = new RuleBook(rules, otherwise)
  return {
    name: 'permissions',
    version: 1,
    local: true,
    // Who was installed before it would never ask it.
    first: true,
    server(server: Server<Peer<Context>>, during: During): Permissions<Context> {
      checkRules(rules, server.plugins)
      const judge = new Judge(server, book)
      during(() => () => (judge.isOver = true))
      // Who has become somebody else may do something else.
      server.on('context', peer => judge.refresh(peer))
      return judge
    }
  }
}

export type { Question, Rule, Rules } from './rules.ts'
export type * from '../../lib/server/types.ts'

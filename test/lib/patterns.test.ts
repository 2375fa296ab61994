import assert from 'node:assert/strict'
import fc from 'fast-check'
import { covers, govern, isPattern, isWild, Patterns } from '../../lib/patterns.ts'

/** What a pattern means, written differently. */
const toRegExp = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .split('.')
      .map(part => (part === '*' ? '[^.]+' : part === '>' ? '.+' : part))
      .join('\\.')}$`
  )

const part = fc.constantFrom('a', 'b', 'c')
const topic = fc.array(part, { minLength: 1, maxLength: 4 }).map(parts => parts.join('.'))
const pattern = fc
  .tuple(fc.array(fc.oneof(part, fc.constant('*')), { maxLength: 4 }), fc.constantFrom('>', 'a', '*'))
  .map(([parts, last]) => [...parts, last].join('.'))

const visited = <T>(patterns: Patterns<T>, name: string): T[] => {
  const values: T[] = []
  patterns.some(name, value => {
    values.push(value)
    return false
  })
  return values
}

const of = (names: readonly string[]): Patterns<{ readonly pattern: string }> => {
  const patterns = new Patterns<{ readonly pattern: string }>()
  for (const name of names) patterns.set(name, { pattern: name })
  return patterns
}

/** All topics of up to six parts: one more than patterns have, so that `>` may stand for more than one. */
const topics = (function list(depth: number): string[] {
  if (depth === 0) return []
  const shorter = list(depth - 1)
  return [...new Set(['a', 'b', 'c', ...shorter.flatMap(name => ['a', 'b', 'c'].map(more => `${name}.${more}`))])]
})(6)

describe('patterns', () => {
  it('are names of parts, with wildcards in the place of parts', () => {
    for (const name of ['a', 'a.b', '*', '>', 'a.*', '*.b', 'a.>', 'a*', '>a', 'a.>b.c', '__proto__', ' ', 'a/b'])
      assert.ok(isPattern(name, 10), name)
    for (const name of ['', '.', 'a.', '.a', 'a..b', '>.a', 'a.>.b', 'x'.repeat(11), 1, null, undefined, ['a'], {}])
      assert.ok(!isPattern(name, 10))
    assert.deepEqual(['a', 'a*', 'a.b>', '*', '>', 'a.*', '*.a', 'a.*.b', 'a.>'].filter(isWild), [
      '*',
      '>',
      'a.*',
      '*.a',
      'a.*.b',
      'a.>'
    ])
  })

  it('have so many parts at most', () => {
    const name = (parts: number): string => Array.from({ length: parts }, () => '*').join('.')
    assert.deepEqual([isPattern(name(16), Infinity), isPattern(name(17), Infinity)], [true, false])
  })

  it('meet the topics that they stand for', () => {
    fc.assert(
      fc.property(fc.array(pattern, { maxLength: 20 }), topic, (names, name) => {
        const expected = [...new Set(names)].filter(pattern => toRegExp(pattern).test(name))
        assert.deepEqual(
          visited(of(names), name)
            .map(({ pattern }) => pattern)
            .toSorted(),
          expected.toSorted()
        )
        for (const pattern of names) assert.equal(covers(pattern, name), toRegExp(pattern).test(name))
      })
    )
  })

  it('meet the patterns that have a topic in common with them', () => {
    fc.assert(
      fc.property(fc.array(pattern, { maxLength: 10 }), pattern, (names, name) => {
        const own = topics.filter(topic => toRegExp(name).test(topic))
        const shared = [...new Set(names)].filter(other => own.some(topic => toRegExp(other).test(topic)))
        assert.deepEqual(
          visited(of(names), name)
            .map(({ pattern }) => pattern)
            .toSorted(),
          shared.toSorted()
        )
      }),
      { numRuns: 50 }
    )
  })

  it('cover those that stand for less', () => {
    fc.assert(
      fc.property(pattern, pattern, (one, other) => {
        // `*.>` and the like may cover by their sum what no comparison part by part shows; here one side is one pattern.
        const own = topics.filter(topic => toRegExp(other).test(topic))
        assert.equal(
          covers(one, other),
          own.every(topic => toRegExp(one).test(topic))
        )
      })
    )
  })

  it('are gone when they are deleted, and the others stay', () => {
    fc.assert(
      fc.property(
        fc.array(pattern, { maxLength: 20 }),
        fc.array(pattern, { maxLength: 20 }),
        topic,
        (all, gone, name) => {
          const patterns = of(all)
          for (const pattern of [...gone, ...gone]) patterns.delete(pattern)
          const left = [...new Set(all)].filter(pattern => !gone.includes(pattern))
          assert.deepEqual(
            visited(patterns, name)
              .map(({ pattern }) => pattern)
              .toSorted(),
            left.filter(pattern => covers(pattern, name)).toSorted()
          )
          for (const pattern of all)
            assert.equal(patterns.get(pattern)?.pattern, left.includes(pattern) ? pattern : undefined)
        }
      )
    )
  })

  it('are visited from the most specific on, until a visit says that it is enough', () => {
    const patterns = of(['>', '*.*', 'a.>', 'a.*', '*.b', 'a.b', 'b'])
    assert.deepEqual(
      visited(patterns, 'a.b').map(({ pattern }) => pattern),
      ['a.b', 'a.*', 'a.>', '*.b', '*.*', '>']
    )
    const some: string[] = []
    assert.equal(
      patterns.some('a.b', ({ pattern }) => some.push(pattern) === 2),
      true
    )
    assert.deepEqual(some, ['a.b', 'a.*'])
  })

  it('decide by the most specific one; about a pattern also by all that are within it', () => {
    const decide = (name: string): (string | undefined)[] =>
      govern(of(['>', 'news.>', 'news.*', 'news.secret', 'news.*.old', 'other']), name).map(entry => entry?.pattern)
    assert.deepEqual(decide('news.secret'), ['news.secret'])
    assert.deepEqual(decide('news.sport'), ['news.*'])
    assert.deepEqual(decide('news.a.b'), ['news.>'])
    assert.deepEqual(decide('x'), ['>'])
    assert.deepEqual(decide('news.*'), ['news.*', 'news.secret'])
    assert.deepEqual(decide('news.>')[0], 'news.>')
    assert.deepEqual(decide('news.>').slice(1).map(String).toSorted(), ['news.*', 'news.*.old', 'news.secret'])
    assert.deepEqual(decide('*')[0], '>')
    assert.deepEqual(govern(of(['a']), 'b'), [undefined])
    assert.deepEqual(
      govern(of(['a.b']), 'a.*').map(entry => entry?.pattern),
      [undefined, 'a.b']
    )
  })

  it('know no special names', () => {
    const patterns = of(['a'])
    for (const name of ['__proto__', 'constructor', 'toString.a', '__proto__.__proto__']) {
      assert.equal(patterns.get(name), undefined)
      assert.deepEqual(visited(patterns, name), [])
      patterns.delete(name)
      patterns.set(name, { pattern: name })
      assert.equal(patterns.get(name)?.pattern, name)
    }
    assert.equal(Reflect.get({}, 'pattern'), undefined)
  })
})

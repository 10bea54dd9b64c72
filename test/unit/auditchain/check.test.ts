import { describe, expect, it } from 'vitest';
import { headText, parseHead, shortHead } from '../../../src/access/audit-head.ts';
import { ChainCheck, type ReadEvent, type Unreadable } from '../../../src/auditchain/check.ts';
import type { AskedHead } from '../../../src/auditchain/heads.ts';
import { chain, chainedAnew, follow, withEarlier } from '../../support/samples/audit-events.ts';

type Source = 'database' | 'file';
type Found = readonly (ReadEvent | Unreadable)[];

const SIX = chain(6);
const at = (n: number): ReadEvent => {
  const event = SIX[n - 1];
  if (!event) throw new Error(`no event ${n}`);
  return event;
};
const head = (n: number, hash = at(n).hash ?? ''): AskedHead => ({ number: n, hash, from: 'the note' });

function check(
  source: Source,
  found: Found,
  heads: readonly AskedHead[] = [],
  written?: { number: number; hash: string },
) {
  const walk = new ChainCheck(source, heads);
  for (const each of found) walk.take(each);
  return walk.end(source === 'database' ? (written ?? head(6)) : undefined);
}
const problems = (...given: Parameters<typeof check>) =>
  check(...given).problems.map(({ number, how }) => `${number} ${how}`);
const with4 = (change: Partial<ReadEvent>): Found => SIX.map((each) => (each.id === 4 ? { ...each, ...change } : each));
const without = (...ids: readonly number[]): Found => SIX.filter(({ id }) => !ids.includes(id));
const edited4 = with4({ facts: { n: 5 } }) as ReadEvent[];

describe.each<Source>(['database', 'file'])('an audit log in a %s', (source) => {
  it('holds as it was written, and tells its head', () => {
    expect(check(source, SIX, [head(2), head(6, at(6).hash?.slice(0, 12))])).toEqual({
      ...{ events: 6, first: 1, last: { number: 6, hash: at(6).hash }, earlier: null },
      heads: [
        { ...head(2), holds: true },
        { ...head(6, at(6).hash?.slice(0, 12)), holds: true },
      ],
      ...{ problems: [], holds: true },
    });
  });

  it.each<[string, Found, string[]]>([
    ['another number', with4({ id: 40 }), ['4 missing', '5 misplaced', '6 misplaced', '40 edited']],
    ['another type', with4({ type: 'key_retired' }), ['4 edited']],
    ['another time', with4({ at: '2030-05-02T12:00:04.001Z' }), ['4 edited']],
    ['another actor', with4({ actor: { kind: 'operator', account: 'root' } }), ['4 edited']],
    ['other facts', edited4, ['4 edited']],
    ['another hash', with4({ hash: at(5).hash }), ['4 edited']],
    ['another hash before it', with4({ prev: at(2).hash }), ['4 edited']],
    ['no hashes', with4({ prev: null, hash: null }), ['4 edited']],
    ['what is no JSON', with4({ facts: { n: '\ud800' } }), ['4 unreadable']],
    [
      'a hash of its own over other facts',
      SIX.map((e) => (e.id === 4 ? follow(at(3), { facts: {} }) : e)),
      ['4 replaced'],
    ],
    ['the first one gone', without(1), ['1 missing']],
    ['one in the middle gone', without(4), ['4 missing']],
    ['two in the middle gone', without(3, 4), ['3 missing']],
    ['two swapped', [at(1), at(2), at(4), at(3), at(5), at(6)], ['3 missing', '3 misplaced']],
    ['the last ones swapped', [at(1), at(2), at(3), at(4), at(6), at(5)], ['5 missing', '5 misplaced']],
    ['one put in', [...SIX.slice(0, 4), follow(at(3), { facts: {} }), ...SIX.slice(4)], ['4 misplaced']],
    ['one put in before the first', [follow({ id: -1, hash: null }), ...SIX], ['0 misplaced']],
    [
      'something that is none',
      [...SIX.slice(0, 4), { id: null, hash: null, why: 'noise' }, ...SIX.slice(4)],
      ['5 unreadable'],
    ],
    [
      'one that cannot be read',
      SIX.map((e) => (e.id === 4 ? { id: 4, hash: e.hash, why: 'odd' } : e)),
      ['4 unreadable'],
    ],
  ])('that has %s is found out', (_, found, expected) => {
    const number = Math.max(...found.map(({ id }) => id ?? 0));
    const written = { number, hash: found.find(({ id }) => id === number)?.hash ?? '' };
    expect(problems(source, found, [], written)).toEqual(expected);
    expect(check(source, found, [], written).holds).toBe(false);
  });

  it('that was written anew from an edit on is found out by a head from elsewhere, and by nothing else', () => {
    const anew = chainedAnew(edited4, 4);
    const last = { number: 6, hash: anew.at(-1)?.hash ?? '' };
    expect(problems(source, anew, [], last)).toEqual([]);
    expect(problems(source, anew, [head(3)], last)).toEqual([]);
    expect(problems(source, anew, [head(6)], last)).toEqual(['1 rewritten']);
    expect(problems(source, anew, [head(6), head(3)], last)).toEqual(['4 rewritten']);
    const { problems: found, heads } = check(source, anew, [head(3), head(4), head(6)], last);
    expect(found.map(({ why }) => why)).toEqual([
      'event 4 is not what was there when the note was kept',
      'one or more of the events 4 to 6 are not what was there when the note was kept',
    ]);
    expect(heads.map(({ holds }) => holds)).toEqual([true, false, false]);
  });

  it('whose last events are gone is found out by a head of one of them', () => {
    const cut = SIX.slice(0, 4);
    const last = { number: 4, hash: at(4).hash ?? '' };
    expect(problems(source, cut, [], last)).toEqual([]);
    expect(problems(source, cut, [head(6)], last)).toEqual(['5 missing']);
    expect(check(source, cut, [head(6)], last).heads).toEqual([{ ...head(6), holds: false }]);
    expect(problems(source, [], [head(6)], undefined)).toContain('1 missing');
  });

  it('does not hold a head of an event that was edited', () => {
    expect(check(source, edited4, [head(4)])).toMatchObject({
      ...{ heads: [{ holds: false }], problems: [{ number: 4, how: 'edited' }] },
    });
  });

  it('may begin behind events of an earlier version, which its first event sums up', () => {
    const begun = withEarlier([2, 3, 7]);
    const log = [...begun, ...chain(2, begun.at(-1))];
    const last = { number: 10, hash: log.at(-1)?.hash ?? '' };
    expect(check(source, log, [], last)).toMatchObject({
      earlier: { events: 3, isChecked: true },
      first: 8,
      holds: true,
    });
    const changed = log.map((each) => (each.id === 3 ? { ...each, facts: {} } : each));
    expect(problems(source, changed, [], last)).toEqual(['8 earlier']);
    expect(
      problems(
        source,
        log.filter(({ id }) => id !== 3),
        [],
        last,
      ),
    ).toEqual(['8 earlier']);
    expect(
      problems(
        source,
        log.filter(({ id }) => id !== 8),
        [],
        last,
      ),
    ).toEqual(['8 missing']);
  });
});

describe('what the database has as its last event', () => {
  it.each<[string, Found, { number: number; hash: string }, string[]]>([
    ['an earlier one', SIX, head(4), ['5 added']],
    ['a later one', SIX.slice(0, 4), head(6), ['5 missing']],
    ['one with another hash', SIX, head(6, at(5).hash ?? ''), ['6 replaced']],
  ])('is compared with what is there: %s', (_, found, written, expected) => {
    expect(problems('database', found, [], written)).toEqual(expected);
  });

  it('may have no event twice', () => {
    expect(problems('database', [...SIX.slice(0, 4), at(4), ...SIX.slice(4)])).toEqual(['4 misplaced']);
  });

  it('may not lack the events from before the chain', () => {
    const begun = withEarlier([2, 3]).slice(-1);
    expect(problems('database', begun, [], { number: 4, hash: begun[0]?.hash ?? '' })).toEqual(['4 earlier']);
  });
});

describe('a file of the events stream', () => {
  it('may have lines twice, as a crash leaves them', () => {
    expect(check('file', [...SIX.slice(0, 5), ...SIX.slice(2)])).toMatchObject({ events: 6, holds: true });
    expect(problems('file', [...SIX.slice(0, 5), ...edited4.slice(2)])).toEqual(['4 misplaced']);
    const begun = withEarlier([2, 3]);
    const log = [...begun, ...begun, ...chain(1, begun.at(-1))];
    expect(check('file', log)).toMatchObject({ events: 2, earlier: { events: 2, isChecked: true }, holds: true });
  });

  it('may begin where a head that was kept says how it went on', () => {
    const later = SIX.slice(3);
    expect(problems('file', later)).toEqual(['1 missing']);
    expect(check('file', later, [head(3)])).toMatchObject({ first: 4, heads: [{ holds: true }], holds: true });
    expect(problems('file', later, [head(3, 'f'.repeat(64))])).toEqual(['1 rewritten']);
    expect(problems('file', later, [head(2)])).toEqual(['1 missing', '2 unchecked']);
    expect(problems('file', later, [head(3), head(1)])).toEqual(['1 unchecked']);
  });

  it('may lack the events from before the chain, and says so', () => {
    expect(check('file', withEarlier([2, 3]).slice(-1))).toMatchObject({
      ...{ earlier: { events: 2, isChecked: false }, holds: true },
    });
  });
});

it('names no more than a hundred problems', () => {
  const noise: Unreadable[] = Array.from({ length: 150 }, () => ({ id: null, hash: null, why: 'noise' }));
  expect(check('file', noise).problems).toHaveLength(100);
});

describe('a head as text', () => {
  it('is read back, whole or as people are shown it', () => {
    const whole = { number: 1_042, hash: 'ab'.repeat(32) };
    expect(headText(whole)).toBe(`1042:${whole.hash}`);
    expect(parseHead(headText(whole))).toEqual(whole);
    expect(shortHead(whole)).toBe('1042:abababababab');
    expect(parseHead(shortHead(whole))).toEqual({ number: 1_042, hash: 'abababababab' });
  });

  it.each([
    '',
    '1042',
    ':abababababab',
    '0:abababababab',
    '-1:abababababab',
    '1:abababababa',
    '1:ABABABABABAB',
    '1.5:abababababab',
    `1:${'a'.repeat(65)}`,
    ' 1:abababababab',
    '1:abababababab\n',
  ])('is nothing else: %j', (text) => expect(parseHead(text)).toBeNull());
});

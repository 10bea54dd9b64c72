import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { askable } from '../../../src/access/askable.ts';
import { Policy } from '../../../src/access/policy.ts';
import { BUILT_IN_SCOPES } from '../../../src/access/scopes/scope.ts';
import { Target } from '../../../src/access/target.ts';
import { type Doubt, parseTypedAsk, type Speakable, typedDuration } from '../../../src/access/typed-ask.ts';
import { hostileText, runs } from '../../support/samples/hostile-text.ts';
import { engagement, engagementId, NOON, targetId } from '../../support/samples/samples.ts';

const target = (id: string, logins: readonly string[], labels: Record<string, string> = {}) =>
  Target.parse({ ...{ id, name: id, address: id, host_keys: ['ssh-ed25519 AAAA'] }, logins, labels });

const TARGETS = [
  target('web-01', ['deploy', 'root'], { env: 'staging', role: 'web' }),
  target('web-02', ['deploy'], { env: 'staging', role: 'web' }),
  target('db-01', ['deploy'], { env: 'staging', role: 'db' }),
  target('shell', ['deploy']),
  target('30m', ['deploy']),
  target('ops-7', ['deploy']),
  target('far-01', ['postgres']),
];

const speakable = (n: number, name: string, targets: readonly string[]): Speakable['engagements'][number] => {
  const chosen = engagement({ id: engagementId(n), name, targetIds: targets.map(targetId) });
  const policy = Policy.parse({ rules: [{ name: 'r', max_duration: 'PT8H' }] });
  const can = askable(
    { policy, scopes: BUILT_IN_SCOPES, targets: TARGETS },
    { requester: { standing: 'guest' }, engagement: chosen },
    NOON,
  );
  return { id: chosen.id, name, can };
};

const ONE = speakable(1, 'Order database', ['web-01', 'web-02', 'db-01']);
const TWO = speakable(2, 'Order database two', ['far-01']);
const ODD = speakable(3, 'Odd', ['shell', '30m', 'ops-7']);
const CHG = ['CHG\\d+'];

const parse = (text: string, engagements = [ONE], ticketPatterns = CHG) =>
  parseTypedAsk(text, { engagements, ticketPatterns });
const doubts = (text: string, engagements = [ONE]): readonly string[] => parse(text, engagements).doubts.map(said);
const said = (doubt: Doubt): string =>
  [doubt.kind, ...('word' in doubt ? [doubt.word] : []), ...('part' in doubt ? [doubt.part] : [])].join(' ');

const WHOLE = {
  ...{ engagementId: ONE.id, targetIds: ['web-01', 'db-01'], login: 'deploy', scope: 'shell', durationSeconds: 7_200 },
  ...{ reason: 'rotate the logs', ticket: 'OPS-123', doubts: [] },
};

describe('a request typed as one line', () => {
  it.each<[string, object?]>([
    ['web-01,db-01 2h shell "rotate the logs" OPS-123'],
    ['"rotate the logs" OPS-123 shell 2h db-01 web-01'],
    ['OPS-123 web-01, db-01 as deploy for 2h shell “rotate the logs”'],
    ['Web-01,db-01 2H Shell „rotate the logs” OPS-123'],
    ['web-01 web-01 db-01 120m shell «rotate the logs» OPS-123'],
    ['in Order database web-01 db-01 1h60m shell "rotate the logs" OPS-123'],
    ['web-01 db-01 2h shell "rotate the logs" OPS-123 in "order  DATABASE"'],
    ['web-01 db-01 2h shell "rotate the logs"', { ticket: null }],
    ['web-01 db-01 2h shell "rotate the logs" CHG0031337', { ticket: 'CHG0031337' }],
    ['CHG1 web-01 db-01 2h shell "rotate the logs"', { ticket: 'CHG1' }],
    ['web-01 db-01 2h shell "rotate the logs" 4711', { ticket: '4711' }],
    ['web-01 db-01 2h shell "rotate the logs" #12', { ticket: '#12' }],
    [
      'web-01 db-01 2h shell "rotate the logs" <https://tracker.example/browse/7|7>',
      { ticket: 'https://tracker.example/browse/7' },
    ],
    ['env=staging 2h shell "rotate the logs" OPS-123', { targetIds: ['web-01', 'web-02', 'db-01'] }],
    ['env=staging role=web 2h shell "rotate the logs" OPS-123', { targetIds: ['web-01', 'web-02'] }],
    ['role=db web-02 2h shell "rotate the logs" OPS-123', { targetIds: ['web-02', 'db-01'] }],
    [
      'web-01 as root 30m files-rw "rotate the logs" OPS-123',
      {
        ...{ targetIds: ['web-01'], login: 'root', scope: 'files-rw', durationSeconds: 1_800 },
      },
    ],
  ])('%s is understood', (text, change = {}) => {
    expect(parse(text)).toEqual({ ...WHOLE, ...change });
  });

  it.each<[string, ...string[]]>([
    ['', 'missing targets', 'missing login', 'missing scope', 'missing duration', 'missing reason'],
    ['web-02 2h shell', 'missing reason'],
    ['web-02 2h shell ""', 'missing reason'],
    ['web-02 shell "rotate"', 'missing duration'],
    ['web-02 0h shell "rotate"', 'unknown 0h', 'missing duration'],
    ['web-02 2h "rotate"', 'missing scope'],
    ['web-02 as 2h shell "rotate"', 'unknown 2h', 'missing duration'],
    ['web-02 shell 2h "rotate" as', 'missing login'],
    ['web-02 2h shell rotate the logs', 'unknown rotate', 'unknown the', 'unknown logs', 'missing reason'],
    ['web-03 2h shell "rotate"', 'unknown web-03', 'missing targets', 'missing login'],
    ['web-02 2h shell "rotate" web-09', 'unknown web-09'],
    ['web-02 2h shell "rotate" prod-77', 'unknown prod-77'],
    ['web-02 2h shell "rotate" WEB-09', 'unknown WEB-09'],
    ['web-02 2h shell "rotate" 2', 'unknown 2'],
    ['web-02 2 h shell "rotate"', 'unknown 2', 'unknown h', 'missing duration'],
    ['web-02 2h 4h shell "rotate"', 'twice duration'],
    ['web-02 2h shell files-rw "rotate"', 'twice scope'],
    ['web-02 2h shell "rotate" OPS-1 OPS-2', 'twice ticket'],
    ['web-02 2h shell "rotate "old" logs"', 'unknown old', 'twice reason'],
    ['web-02 2h shell "rotate', 'open_quote'],
    ['web-02 2h shell "rotate" for @sam', 'for_somebody'],
    ['web-02 2h shell "rotate" for <@U0SECURITY>', 'for_somebody'],
    ['web-02 2h shell "rotate" <@U0SECURITY>', 'unknown <@U0SECURITY>'],
    ['web-02 2h shell "rotate" for sam', 'unknown for', 'unknown sam'],
    ['env=prod 2h shell "rotate"', 'unknown env=prod', 'missing targets', 'missing login'],
    ['env=staging role=none 2h shell "rotate"', 'unknown role=none', 'missing targets', 'missing login'],
    ['web-02 2h shell "rotate" in Nowhere', 'unknown Nowhere'],
    ['web-02 2h shell "rotate" in', 'missing engagement'],
    ['web-02 as root as deploy 2h shell "rotate"', 'twice login'],
    ['web\u201101 2h shell "rotate"', 'unknown web\u201101', 'missing targets', 'missing login'],
    [`${'web-02 '.repeat(150)} 2h shell "rotate"`, 'too_long', 'missing scope', 'missing duration', 'missing reason'],
  ])('%s is not', (text, ...expected) => {
    const found = doubts(text);
    if (text === '') expect(found).toEqual(expected);
    else expect(found.toSorted()).toEqual(expected.toSorted());
  });

  it('of which a word could mean two things is a doubt', () => {
    expect(doubts('shell 2h "rotate" files-rw', [ODD])).toContain('ambiguous shell');
    expect(doubts('30m 2h "rotate" files-rw', [ODD])).toContain('ambiguous 30m');
    expect(doubts('OPS-7 2h "rotate" files-rw', [ODD])).toContain('ambiguous OPS-7');
    expect(doubts('db-01 web-02 2h shell "rotate"', [{ ...ONE, can: { ...ONE.can } }, TWO])).toEqual([
      'missing engagement',
    ]);
  });

  it('needs its engagement where there are several, and takes the one whose whole name is said', () => {
    const both = [ONE, TWO];
    const typed = parse('web-02 2h shell "rotate" OPS-1', both);
    expect(typed).toMatchObject({ engagementId: ONE.id, targetIds: ['web-02'], doubts: [{ kind: 'missing' }] });
    expect(doubts('web-02 2h shell "rotate" in Order database', both)).toEqual([]);
    expect(doubts('far-01 2h shell "rotate" in "Order database two"', both)).toEqual([]);
    // Both names begin there, so it is not clear where the name ends.
    expect(doubts('far-01 2h shell "rotate" in Order database two', both)).toContain('ambiguous Order database');
    expect(doubts('far-01 2h shell "rotate" in "Odd"', [TWO, ODD, { ...ODD, id: TWO.id }])).toContain('ambiguous Odd');
  });

  it('names the nearest words first', () => {
    const [unknown] = parse('web-01 2h shel "rotate"').doubts;
    expect(unknown).toMatchObject({ kind: 'unknown', word: 'shel' });
    expect(unknown && 'allowed' in unknown ? unknown.allowed[0] : null).toBe('shell');
  });

  it('never throws, and is whole only where each of its words is one that it has', () => {
    const pieces = fc.constantFrom(
      ...[
        'web-02',
        'db-01',
        'web-02,db-01',
        'shell',
        'files-rw',
        '2h',
        '30m',
        'OPS-1',
        'as',
        'deploy',
        'root',
        'in',
        'for',
      ],
      ...[
        '"rotate the logs"',
        '“move it”',
        '"',
        'env=staging',
        'role=db',
        'nonsense',
        '@sam',
        'Order',
        'database',
        '7',
        '=',
      ],
    );
    const hostile = hostileText(30).filter((text) => !/["“”„‟＂«»]/.test(text));
    // Most begin as a line that is whole, in some order, with a few words put in.
    const right = fc.shuffledSubarray(['web-02', '2h', 'shell', '"rotate the logs"', 'OPS-1', 'as deploy', 'for 30m'], {
      minLength: 4,
    });
    const noise = fc.array(fc.oneof({ weight: 9, arbitrary: pieces }, { weight: 1, arbitrary: hostile }), {
      maxLength: 2,
    });
    const line = fc
      .tuple(right, noise, fc.nat(6))
      .map(([words, more, at]) => [...words.slice(0, at), ...more, ...words.slice(at)]);
    let whole = 0;
    fc.assert(
      fc.property(line, fc.constantFrom([ONE], [ONE, TWO], [ODD], []), (words, engagements) => {
        const text = words.join(' ');
        const ask = parse(text, [...engagements]);
        if (ask.doubts.length > 0) return;
        whole += 1;
        const outside = text
          .replace(/["“][^"“”]*["”]/g, ' ')
          .split(/[\s,]+/)
          .filter((word) => word !== '');
        const known = [
          ...['web-02', 'db-01', 'shell', 'files-rw', '2h', '30m', 'OPS-1', 'as', 'deploy', 'root', 'in'],
          ...['for', 'env=staging', 'role=db', 'Order', 'database'],
        ];
        expect(outside.filter((word) => !known.includes(word))).toEqual([]);
        const count = (...some: readonly string[]) => outside.filter((word) => some.includes(word)).length;
        expect([count('2h', '30m'), count('shell', 'files-rw'), text.match(/["“]/g)?.length]).toEqual([
          1,
          1,
          expect.any(Number),
        ]);
        expect(count('OPS-1')).toBe(ask.ticket === null ? 0 : 1);
        expect(ask.engagementId).toBe(ONE.id);
        const named = outside.some((word) => word.includes('=')) ? [] : ask.targetIds;
        expect(named.filter((id) => !outside.includes(id))).toEqual([]);
      }),
      { ...runs(2_000), seed: 20_300_502 },
    );
    expect(whole).toBeGreaterThan(0);
  });
});

it.each([
  ['30m', 1_800],
  ['2h', 7_200],
  ['1d', 86_400],
  ['1h30m', 5_400],
  ['1d2h3m', 93_780],
  ['0m', null],
  ['h', null],
  ['', null],
  ['2', null],
  ['30m1h', null],
  ['-1h', null],
  ['1.5h', null],
  ['999999h', null],
])('the duration %s is %s seconds', (text, seconds) => {
  expect(typedDuration(text)).toBe(seconds);
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  changeTransition,
  type EngagementChange,
  type EngagementTerms,
  isChangeExpired,
  narrowed,
  sameTerms,
  termsOf,
} from '../../../src/access/engagement-change.ts';
import { parseHours } from '../../../src/access/hours-text.ts';
import { EngagementChangeId } from '../../../src/access/ids.ts';
import { runs } from '../../support/samples/hostile-text.ts';
import {
  digest,
  engagement,
  engagementId,
  later,
  login,
  NOON,
  personId,
  targetId,
} from '../../support/samples/samples.ts';

const hours = (text: string) => parseHours(text, 'UTC');
const FROM: EngagementTerms = termsOf({
  ...engagement({ memberIds: [1, 2].map(personId), targetIds: ['a-01', 'b-01'].map(targetId), lastDay: '2030-06-30' }),
  ...{ logins: [login('deploy'), login('root')], firstDay: '2030-06-01', hours: hours('mon-fri 9-17') },
});

describe('what a change takes away', () => {
  it.each<[string, Partial<EngagementTerms>, Partial<EngagementTerms>]>([
    ['a member', { memberIds: [personId(1)] }, { memberIds: [personId(1)] }],
    ['a target', { targetIds: [targetId('b-01')] }, { targetIds: [targetId('b-01')] }],
    ['a login', { logins: [login('deploy')] }, { logins: [login('deploy')] }],
    ['days at the end', { lastDay: '2030-06-10' }, { lastDay: '2030-06-10' }],
    ['days at the beginning', { firstDay: '2030-06-10' }, { firstDay: '2030-06-10' }],
    ['hours', { hours: hours('mon-fri 10-12') }, { hours: hours('mon-fri 10-12') }],
    ['a name, and takes nothing', { name: 'New' }, { name: 'New' }],
    ['a reference, and takes nothing', { reference: 'OPS-1' }, { reference: 'OPS-1' }],
    ['one member while another comes', { memberIds: [2, 3].map(personId) }, { memberIds: [personId(2)] }],
  ])('takes effect at once: %s', (_, wanted, at) => {
    expect(narrowed(FROM, { ...FROM, ...wanted })).toEqual({ ...FROM, ...at });
  });

  it.each<[string, Partial<EngagementTerms>]>([
    ['a member', { memberIds: [1, 2, 3].map(personId) }],
    ['a target', { targetIds: ['a-01', 'b-01', 'c-01'].map(targetId) }],
    ['a scope', { scopes: [...FROM.scopes, 'tunnel:x' as never] }],
    ['every login', { logins: null }],
    ['a reviewer', { reviewerIds: [...FROM.reviewerIds, personId(9)] }],
    ['one reviewer fewer', { reviewerIds: FROM.reviewerIds.slice(1) }],
    ['days at the end', { lastDay: '2030-07-01' }],
    ['days at the beginning', { firstDay: null }],
    ['hours', { hours: hours('mon-fri 9-18') }],
    ['other hours', { hours: hours('sat 9-10') }],
    ['the same hours elsewhere', { hours: parseHours('mon-fri 9-17', 'Asia/Tokyo') }],
    ['any hour', { hours: null }],
  ])('is nothing where it gives %s, which waits', (_, wanted) => {
    const to = { ...FROM, ...wanted };
    expect(narrowed(FROM, to)).toEqual(FROM);
    expect(sameTerms(FROM, to)).toBe(false);
  });

  const some = <T>(all: readonly T[]) => fc.subarray([...all], { minLength: 1 });
  const terms = fc.record({
    ...{ name: fc.constantFrom('A', 'B'), reference: fc.constantFrom(null, 'OPS-1') },
    ...{ memberIds: some([1, 2, 3].map(personId)), reviewerIds: some([4, 5].map(personId)) },
    ...{ targetIds: some(['a-01', 'b-01', 'c-01'].map(targetId)), scopes: some(FROM.scopes) },
    logins: fc.option(some(['deploy', 'root'].map(login))),
    firstDay: fc.constantFrom(null, '2030-06-01', '2030-06-10'),
    lastDay: fc.constantFrom('2030-06-20', '2030-06-30'),
    hours: fc.constantFrom(null, hours('mon-fri 9-17'), hours('mon 9-12'), hours('sat 9-12')),
  });

  it('gives nobody anything that they did not have, whatever is changed to whatever', () => {
    fc.assert(
      fc.property(terms, terms, (from, to) => {
        const less = narrowed(from, to);
        // Whoever may only take away gets the same by narrowing twice, and to where it began nothing is left to take.
        expect(narrowed(less, to)).toEqual(less);
        expect(narrowed(from, less)).toEqual(less);
        for (const key of ['memberIds', 'targetIds', 'scopes', 'reviewerIds'] as const)
          expect(less[key].every((each) => (from[key] as readonly string[]).includes(each))).toBe(true);
        if (from.logins) expect(less.logins?.every((each) => from.logins?.includes(each))).toBe(true);
        expect(less.lastDay <= from.lastDay).toBe(true);
        expect((less.firstDay ?? '') >= (from.firstDay ?? '')).toBe(true);
      }),
      runs(200),
    );
  });
});

const change = (more: Partial<EngagementChange> = {}): EngagementChange => ({
  ...{ id: EngagementChangeId.parse(engagementId(7)), engagementId: engagementId(1), proposedBy: personId(1) },
  ...{ from: FROM, to: { ...FROM, lastDay: '2030-07-31' }, digest: digest(1), approvals: 2 },
  ...{ proposedAt: NOON, expiresAt: later(86_400), reviews: [], status: 'pending', decidedAt: null },
  ...more,
});
const review = (n: number, verdict: 'approve' | 'deny' = 'approve', of = digest(1)) =>
  ({ kind: 'review', reviewerId: personId(n), digest: of, verdict, comment: null }) as const;
const result = (...input: Parameters<typeof changeTransition>): string => {
  const done = changeTransition(...input);
  return done.ok ? done.value.status : done.rejection.code;
};

describe('a change', () => {
  const reviewed = change({ reviews: [{ reviewerId: personId(2), verdict: 'approve', comment: null, at: NOON }] });
  const DECIDED = (['approved', 'denied', 'expired', 'withdrawn'] as const).map((status) =>
    change({ status, decidedAt: NOON }),
  );
  const after = later(86_400);

  it.each([
    ['a first approval of two', change(), review(2), NOON, 'pending'],
    ['the second', reviewed, review(3), NOON, 'approved'],
    ['the same reviewer again', reviewed, review(2), NOON, 'already_reviewed'],
    ['who proposed it', change(), review(1), NOON, 'own_change'],
    ['another digest', change(), review(2, 'approve', digest(2)), NOON, 'digest_mismatch'],
    ['a denial', reviewed, review(3, 'deny'), NOON, 'denied'],
    ['a withdrawal', change(), { kind: 'withdraw' }, NOON, 'withdrawn'],
    ['its time before it is over', change(), { kind: 'expire' }, later(86_399), 'pending'],
    ['its time', change(), { kind: 'expire' }, after, 'expired'],
    ['a review after its time', reviewed, review(3), after, 'change_decided'],
    ['a withdrawal after its time', change(), { kind: 'withdraw' }, after, 'change_decided'],
    ...DECIDED.flatMap((decided) =>
      [review(2), review(2, 'deny'), { kind: 'withdraw' } as const, { kind: 'expire' } as const].map(
        (command) =>
          [`${command.kind} after it was ${decided.status}`, decided, command, NOON, 'change_decided'] as const,
      ),
    ),
  ] as const)('%s', (_, before, command, at, then) => {
    expect(result(before, command, at)).toBe(then);
  });

  it('has expired at its instant whether or not that was written down', () => {
    expect(isChangeExpired(change(), later(86_399))).toBe(false);
    expect(isChangeExpired(change(), after)).toBe(true);
    expect(isChangeExpired(change({ status: 'approved' }), after)).toBe(false);
  });
});

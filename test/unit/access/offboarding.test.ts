import { describe, expect, it } from 'vitest';
import { OffboardingId } from '../../../src/access/ids.ts';
import {
  addedUp,
  checklistOf,
  evidenceOf,
  isAllDone,
  isProved,
  type LeftOver,
  type Offboarding,
  OffboardingRules,
  ticked,
} from '../../../src/access/offboarding.ts';
import { Policy } from '../../../src/access/policy.ts';
import { digest, engagementId, later, NOON, personId } from '../../support/samples/samples.ts';

const NOTHING: LeftOver = { at: NOON, workers: 2, answered: 2, sessions: 0, grants: 0 };
const TICK = { by: personId(4), at: NOON, note: 'gone' };
const offboarding = (change: Partial<Offboarding> = {}): Offboarding => ({
  ...{ id: OffboardingId.parse('ff000000-0000-4000-8000-000000000001'), personId: personId(1), engagementIds: null },
  ...{ why: 'asked', by: { kind: 'person', id: personId(4) }, at: NOON, reason: null, keys: 1, left: null },
  parts: [{ engagementId: engagementId(1), grants: 2, requests: 0, sessions: 1 }],
  items: [
    { text: 'VPN', tick: null },
    { text: 'IAM', tick: null },
  ],
  completed: null,
  ...change,
});

describe('that nothing is left', () => {
  it.each<readonly [string, LeftOver | null, boolean]>([
    ['every worker answered, and there is nothing', NOTHING, true],
    ['nobody was asked', null, false],
    ['one worker did not answer', { ...NOTHING, answered: 1 }, false],
    ['there is no worker', { ...NOTHING, workers: 0, answered: 0 }, false],
    ['a session lives', { ...NOTHING, sessions: 1 }, false],
    ['a grant is active', { ...NOTHING, grants: 1 }, false],
  ])('where %s', (_, left, expected) => {
    expect(isProved({ left })).toBe(expected);
  });
});

describe('a checklist', () => {
  const texts = (rules: unknown, targets: readonly string[]) =>
    checklistOf(OffboardingRules.parse(rules), targets).map(({ text }) => text);

  it('has a good default where policy says nothing, and what policy says otherwise', () => {
    expect(texts({}, ['web-01', 'db-01'])).toEqual([
      'Remove their accounts and roles in the cloud (IAM)',
      'Revoke the CI and API tokens that they made or used',
      'Remove their deploy keys from repositories',
      'Replace the shared secrets that they saw',
      'Remove their VPN access',
      'Stop what they left running in the background on web-01, db-01',
    ]);
    expect(texts({ checklist: ['Badge'] }, [])).toEqual(['Badge']);
    expect(texts({ checklist: [] }, [])).toEqual([]);
  });

  it('leaves out what speaks of targets where there are none, and counts those that are too many', () => {
    expect(texts({ checklist: ['Stop what runs on {targets}', 'Badge'] }, [])).toEqual(['Badge']);
    const many = Array.from({ length: 23 }, (_, n) => `t-${n}`);
    expect(texts({ checklist: ['{targets}'] }, many)[0]).toMatch(/^t-0, .*, t-19 and 3 more$/);
  });

  it.each([
    ['more than twenty items', Array(21).fill('x')],
    ['an empty item', [' ']],
    ['an item that is too long', ['x'.repeat(201)]],
  ])('is refused with %s', (_, checklist) => {
    const policy = { rules: [{ name: 'any' }], offboarding: { checklist } };
    expect(Policy.safeParse(policy).success).toBe(false);
  });

  it('has each item ticked once, by somebody, with a time and a note', () => {
    const one = ticked(offboarding(), 1, TICK);
    expect(one.ok && one.value.items).toEqual([
      { text: 'VPN', tick: null },
      { text: 'IAM', tick: TICK },
    ]);
    if (!one.ok) throw new Error('refused');
    const again = ticked(one.value, 1, { ...TICK, by: personId(2) });
    expect(again).toEqual({ ok: false, rejection: { code: 'already_ticked', by: personId(4), at: NOON } });
    for (const item of [-1, 2, 0.5])
      expect(ticked(offboarding(), item, TICK)).toMatchObject({ rejection: { code: 'unknown_offboarding' } });
  });

  it('is done with the whole once nothing is left and everything is ticked', () => {
    const items = [{ text: 'VPN', tick: TICK }];
    expect(isAllDone(offboarding({ items, left: NOTHING }))).toBe(true);
    expect(isAllDone(offboarding({ items }))).toBe(false);
    expect(isAllDone(offboarding({ left: NOTHING }))).toBe(false);
    expect(isAllDone(offboarding({ left: NOTHING, items: [] }))).toBe(true);
  });
});

it('what ended later is counted with what ended in the same engagement', () => {
  const [one, two] = [engagementId(1), engagementId(2)];
  const before = [{ engagementId: one, grants: 2, requests: 0, sessions: 1 }];
  const more = [
    { engagementId: two, grants: 1, requests: 0, sessions: 0 },
    { engagementId: one, grants: 1, requests: 1, sessions: 0 },
  ];
  expect(addedUp(before, more)).toEqual([
    { engagementId: one, grants: 3, requests: 1, sessions: 1 },
    { engagementId: two, grants: 1, requests: 0, sessions: 0 },
  ]);
});

it('the evidence is JSON, says all but its own digest, and changes with each tick', () => {
  const items = [{ text: 'VPN', tick: TICK }];
  const done = offboarding({ left: NOTHING, items, completed: { at: later(9), digest: digest(1) } });
  const evidence = evidenceOf(done);
  expect(JSON.parse(JSON.stringify(evidence))).toEqual(evidence);
  expect(evidence).toEqual(evidenceOf({ ...done, completed: null }));
  expect(evidence).toMatchObject({ at: NOON.toISOString(), items: [{ text: 'VPN', tick: { note: 'gone' } }] });
  const other = evidenceOf({ ...done, items: [{ text: 'VPN', tick: { ...TICK, at: later(1) } }] });
  expect(other).not.toEqual(evidence);
});

import { describe, expect, it } from 'vitest';
import type { Engagement } from '../../../../src/access/engagement.ts';
import { OffboardingId, type PersonId } from '../../../../src/access/ids.ts';
import type { Offboarding } from '../../../../src/access/offboarding.ts';
import { engagementMessage } from '../../../../src/slack/messages/engagement-message.ts';
import {
  offboardingCard,
  offboardingDone,
  offboardingLine,
  offboardingResult,
} from '../../../../src/slack/messages/offboarding-messages.ts';
import type { OffboardingView } from '../../../../src/use-cases/views/offboarding.ts';
import { checkMessage } from '../../../support/checks/slack-limits.ts';
import { digest, engagement, engagementId, later, NOON, personId } from '../../../support/samples/samples.ts';

const LEFT = { at: NOON, workers: 2, answered: 2, sessions: 0, grants: 0 };
const view = (change: Partial<Offboarding> = {}): OffboardingView => ({
  offboarding: {
    ...{ id: OffboardingId.parse('ff000000-0000-4000-8000-000000000001'), personId: personId(1), engagementIds: null },
    ...{ why: 'asked', by: { kind: 'person', id: personId(4) }, at: NOON, reason: 'The contract is over', keys: 1 },
    parts: [
      { engagementId: engagementId(1), grants: 2, requests: 0, sessions: 1 },
      { engagementId: engagementId(2), grants: 4, requests: 1, sessions: 0 },
    ],
    left: LEFT,
    items: [
      { text: 'Remove their VPN access', tick: { by: personId(4), at: NOON, note: 'Ticket OPS-1' } },
      { text: 'Replace shared secrets', tick: null },
    ],
    completed: null,
    ...change,
  },
  engagements: [engagement()],
  names: new Map([
    [personId(1), 'Casey Lind'],
    [personId(4), 'Sam Okafor'],
  ]),
});
const lineOf = (of: OffboardingView): string => offboardingLine(of, engagementId(1)).text;
const shown = (message: Parameters<typeof checkMessage>[0]): string => checkMessage(message).join('\n');
const buttonsOf = (message: { readonly blocks: readonly unknown[] }): number =>
  JSON.stringify(message.blocks).match(/"type":"button"/g)?.length ?? 0;

describe('the line in a thread', () => {
  it.each<readonly [string, Partial<Offboarding>, string]>([
    [
      'what ended in this engagement alone, and the proof',
      {},
      'Casey Lind was offboarded: 2 grants ended, 1 session ended, 0 live sessions and 0 active grants left (asked of 2 of 2 gateways)',
    ],
    [
      'that it is not proved yet',
      { left: { ...LEFT, answered: 1, sessions: 3 } },
      'Casey Lind was offboarded: 2 grants ended, 1 session ended, not proved yet that nothing is left (asked of 1 of 2 gateways); Daypass keeps asking',
    ],
    [
      'that nobody was asked yet',
      { left: null },
      'Casey Lind was offboarded: 2 grants ended, 1 session ended, not proved yet that nothing is left; Daypass keeps asking',
    ],
    [
      'that the engagement was closed',
      { personId: null, why: 'closed' },
      'The engagement was closed: 2 grants ended, 1 session ended, 0 live sessions and 0 active grants left (asked of 2 of 2 gateways)',
    ],
    [
      'that its last day is over',
      { personId: null, why: 'last_day' },
      'The engagement’s last day is over: 2 grants ended, 1 session ended, 0 live sessions and 0 active grants left (asked of 2 of 2 gateways)',
    ],
  ])('says %s', (_, change, said) => {
    expect(lineOf(view(change))).toBe(said);
  });

  it('tells the vendor nothing of the reason, the checklist, or other engagements', () => {
    const texts = [offboardingLine(view(), engagementId(1)), offboardingDone(view())].map(shown).join('\n');
    expect(texts).not.toMatch(/contract is over|VPN|OPS-1|4 grants|6 grants/);
  });
});

describe('security’s channel', () => {
  it('shows all of it, with buttons for what is open alone', () => {
    const card = offboardingCard(view());
    const text = shown(card);
    expect(text).toMatch(/Casey Lind was offboarded everywhere, by Sam Okafor/);
    expect(text).toMatch(/6 grants ended, 1 request withdrawn, 1 session ended, 1 key retired/);
    expect(text).toMatch(/Proved.*0 live sessions and 0 active grants left \(asked of 2 of 2 gateways\)/);
    expect(text).toMatch(/The contract is over/);
    expect(text).toMatch(/Remove their VPN access · Sam Okafor/);
    expect(text).toMatch(/Ticket OPS-1/);
    expect(buttonsOf(card)).toBe(2);
  });

  it('says that it is not proved, with what is left', () => {
    const text = shown(offboardingCard(view({ left: { ...LEFT, answered: 1, sessions: 1 } })));
    expect(text).toMatch(/Not proved yet.*1 live session and 0 active grants left \(asked of 1 of 2 gateways\)/);
  });

  it('ends with the evidence, whole', () => {
    const items = view().offboarding.items.map((item) => ({
      ...item,
      tick: { by: personId(4), at: NOON, note: null },
    }));
    const done = view({ items, completed: { at: NOON, digest: digest(1) } });
    expect(buttonsOf(offboardingCard(done))).toBe(0);
    const text = shown(offboardingResult(done));
    expect(text).toContain(digest(1));
    expect(text).toContain('daypass offboard show ff000000-0000-4000-8000-000000000001 --json');
    expect(offboardingDone(done).text).toBe('Casey Lind was offboarded, and all of it is done: 2 of 2 checks ticked');
  });

  it.each(['closed', 'asked', 'last_day'] as const)('never says “zero access”: %s', (why) => {
    for (const left of [null, LEFT]) {
      const of = view({ why, left, personId: why === 'asked' ? personId(1) : null });
      for (const message of [offboardingCard(of), offboardingLine(of, engagementId(1)), offboardingResult(of)])
        expect(shown(message)).not.toMatch(/zero access|no access/i);
    }
  });
});

const rootMessage = (of: Engagement, names: ReadonlyMap<PersonId, string>) =>
  engagementMessage({ engagement: of, members: [], grants: [], live: [], pending: 0, names }, [], later(0));

describe('the root of a closed engagement', () => {
  const names = new Map([[personId(4), 'Sam Okafor']]);
  const root = (change: Parameters<typeof engagement>[0]) => rootMessage(engagement(change), names);

  it.each([
    ['by whom', { closedAt: NOON, closedBy: personId(4) }, /Closed by Sam Okafor, 20/],
    ['by an operator', { closedAt: NOON, closedBy: null }, /Closed by an operator, 20/],
    [
      'after its last day',
      { closedAt: new Date('2031-01-02T00:00:00Z'), closedBy: null },
      /Closed after its last day, 20/,
    ],
  ])('says that it was closed %s, and offers nothing', (_, change, said) => {
    const message = root(change);
    expect(shown(message)).toMatch(said);
    expect(message.text).toMatch(/is closed$/);
    expect(buttonsOf(message)).toBe(0);
  });

  it('names no member who was offboarded from it', () => {
    const people = new Map([
      [personId(1), 'Casey Lind'],
      [personId(2), 'Robin Hale'],
    ]);
    const some = { memberIds: [personId(1), personId(2)], reviewerIds: [personId(3)], offboardedIds: [personId(1)] };
    const text = shown(rootMessage(engagement({ ...some, closedAt: later(0) }), people));
    expect(text).not.toContain('Casey Lind');
    expect(text).toContain('Robin Hale');
  });
});

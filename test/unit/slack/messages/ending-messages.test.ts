import { describe, expect, it } from 'vitest';
import { grantEnding, grantEndingLine } from '../../../../src/slack/messages/ending-messages.ts';
import type { Block } from '../../../../src/slack/words/blocks.ts';
import type { EndingView } from '../../../../src/use-cases/views/views.ts';
import { checkMessage } from '../../../support/checks/slack-limits.ts';
import { engagement, grant, later, pending, personId, targetPin } from '../../../support/samples/samples.ts';

const CASEY = grant(1).terms.personId;
const MORGAN = personId(2);
const both = { targets: [targetPin('web-01'), targetPin('db-01')] };
/** It lasts from noon to one. */
const ending = (change: Partial<EndingView> = {}): EndingView => ({
  ...{ grant: grant(1, both), endedBy: null, request: pending(), engagement: engagement(), certificates: [], keys: [] },
  ...{ liveSessions: 0, targets: both.targets, goesOnUntil: null, due: 15, noExtension: null },
  heads: { created: null, latest: null },
  names: new Map([
    [CASEY, 'Casey Lind'],
    [MORGAN, 'Morgan Reyes'],
  ]),
  ...change,
});
const at = (minutesLeft: number): Date => later(3_600 - minutesLeft * 60);
const labels = (blocks: readonly Block[]): string[] =>
  blocks.flatMap((block) =>
    block.type === 'actions'
      ? block.elements.flatMap((each) => ('text' in each && each.text ? [each.text.text] : []))
      : [],
  );

describe('the message before access ends', () => {
  it.each([
    [15, '15 minutes'],
    [14.95, '15 minutes'],
    [5, '5 minutes'],
    [1.4, '1 minute'],
    [0.1, '1 minute'],
  ])('says how long is left: with %d minutes, %s', (left, words) => {
    const { text, blocks } = grantEnding(ending(), at(left));
    expect(text).toBe(
      `Your access ends in ${words}, 2030-05-02 13:00 UTC. web-01 and db-01 as deploy, scope shell, in Migration`,
    );
    expect(labels(blocks)).toEqual(['Extend', 'I’m done']);
  });

  it.each([
    [null, ['Extend', 'I’m done'], /Press Extend now: a reviewer has to approve it/],
    ['engagement', ['I’m done'], /cannot be extended: the engagement ends then, and all access in it/],
    ['policy', ['I’m done'], /cannot be extended: policy no longer allows/],
  ] as const)('offers more time only where there is some to ask for: %s', (noExtension, buttons, said) => {
    const message = grantEnding(ending({ noExtension }), at(15));
    expect(checkMessage(message).join('\n')).toMatch(said);
    expect(labels(message.blocks)).toEqual(buttons);
  });

  it('speaks of open sessions where there are some', () => {
    const said = (liveSessions: number) => checkMessage(grantEnding(ending({ liveSessions }), at(15))).join('\n');
    expect(said(2)).toMatch(/open sessions then go on without reconnecting/);
    expect(said(0)).not.toMatch(/sessions/);
  });

  it('names the part that ends, and until when the rest goes on', () => {
    const message = grantEnding(ending({ targets: [targetPin('db-01')], goesOnUntil: later(7_200) }), at(15));
    expect(message.text).toContain('. db-01 as deploy');
    expect(checkMessage(message).join('\n')).toMatch(/The rest of your access goes on until .*14:00/);
  });

  it.each<[string, Partial<EndingView>, number, RegExp, readonly string[]]>([
    [
      'was extended',
      { targets: [], goesOnUntil: later(7_200) },
      10,
      /^Your access was extended, until .* 14:00 UTC/,
      [],
    ],
    ['ran out', {}, 0, /^Access ended: it expired/, ['Request again']],
    [
      'was revoked',
      {
        grant: grant(1, both, { how: 'revoked', at: later(60), by: MORGAN, comment: null }),
        endedBy: { kind: 'person', id: MORGAN },
      },
      10,
      /^Access ended: revoked by Morgan Reyes/,
      ['Request again'],
    ],
  ])('says afterwards that it %s', (_, change, left, said, buttons) => {
    const message = grantEnding(ending(change), at(left));
    expect(message.text).toMatch(said);
    expect(labels(message.blocks)).toEqual(buttons);
  });
});

describe('the line in the thread', () => {
  const said = (change: Partial<EndingView>, left = 10) => {
    const message = grantEndingLine(ending(change), at(left));
    checkMessage(message);
    expect(labels(message.blocks)).toEqual([]);
    return message.text;
  };
  const who = 'Casey Lind, web-01 and db-01 as deploy, scope shell';

  it('says what stays true until it changes', () => {
    expect(said({})).toBe(`Less than 15 minutes left, until 2030-05-02 13:00 UTC: ${who}`);
    expect(said({ due: 60 })).toMatch(/^Less than 1 hour left/);
    expect(said({ due: 1_440 })).toMatch(/^Less than 1 day left/);
    expect(said({ due: null })).toMatch(/^This access ends soon, until /);
    expect(said({ targets: [], goesOnUntil: later(7_200), due: null })).toBe(
      `Extended until 2030-05-02 14:00 UTC: ${who}`,
    );
    expect(said({}, 0)).toBe(`This access has ended: ${who}`);
  });
});

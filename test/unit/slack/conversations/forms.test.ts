import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { askable } from '../../../../src/access/askable.ts';
import { TargetId } from '../../../../src/access/ids.ts';
import type { Target } from '../../../../src/access/target.ts';
import { commentView } from '../../../../src/slack/conversations/comment.ts';
import { denyChangeView } from '../../../../src/slack/conversations/engagement-change.ts';
import { changeForm, engagementForm } from '../../../../src/slack/conversations/engagement-form.ts';
import { filledLike, suggested } from '../../../../src/slack/conversations/filled.ts';
import { closeForm, noteView, offboardForm } from '../../../../src/slack/conversations/offboard.ts';
import { whyNotExtended } from '../../../../src/slack/conversations/request.ts';
import { noEngagementView, noKeyView, requestForm } from '../../../../src/slack/conversations/request-form.ts';
import { denyView } from '../../../../src/slack/conversations/review.ts';
import { revokeForm } from '../../../../src/slack/conversations/revoke.ts';
import { checkInert, checkView, checkVisible, markupIn } from '../../../support/checks/slack-limits.ts';
import { runs } from '../../../support/samples/hostile-text.ts';
import { grantView, inventory, request, worlds } from '../../../support/samples/hostile-views.ts';
import {
  digest,
  engagement,
  engagementId,
  grant,
  later,
  NOON,
  pending,
  person,
  personId,
  requestId,
} from '../../../support/samples/samples.ts';

describe('the form that closes an engagement', () => {
  const chosen = (name: string) => {
    const some = [engagement({ name: 'Order database' }), engagement({ id: engagementId(2), name: 'Order archive' })];
    return JSON.stringify(closeForm(some, name)).match(/"initial_option":[^}]*}[^}]*"value":"([^"]*)"/)?.[1] ?? null;
  };

  it.each([
    ['order DATA', engagementId(1)],
    ['archive', engagementId(2)],
    // Which one is meant is for the person to say.
    ['order', null],
    ['', null],
    ['nothing like it', null],
  ])('has for %j chosen: %s', (name, id) => {
    expect(chosen(name)).toBe(id);
  });
});

const NOTHING = { targets: [], logins: [], scopes: [], durations: [], maxSeconds: 0 };

describe('a form', () => {
  it('is within Slack’s limits for any number of targets and any names', () => {
    fc.assert(
      fc.property(worlds, fc.constantFrom(1, 99, 101, 400), (world, many) => {
        const targets = Array.from({ length: many }, (_, n) => ({
          ...(inventory(world).targets[0] as Target),
          id: TargetId.parse(`t${n}`),
          logins: ['deploy' as Target['logins'][number]],
        }));
        const chosen = engagement({ name: world.text.slice(0, 80), targetIds: targets.map((each) => each.id) });
        const whole = { ...inventory(world), site: 'acme', targets };
        const form = { purpose: 'request', replaces: null, notes: [], keys: [], engagements: [chosen] } as const;
        const can = askable(whole, { requester: person(1), engagement: chosen }, NOON);
        const shown = { engagement: chosen, can, opener: world.text, preview: [] };
        for (const view of [
          requestForm({ ...form, chosen: null }),
          requestForm({ ...form, chosen: { ...shown, filled: suggested(null) } }),
          requestForm({ ...form, chosen: { ...shown, filled: suggested(request(world).ask) } }),
          requestForm({ ...form, purpose: 'extend', chosen: { ...shown, filled: filledLike(request(world).ask) } }),
          requestForm({ ...form, chosen: { ...shown, can: NOTHING, filled: suggested(null) } }),
          engagementForm({ inventory: whole, clock: { now: () => NOON } }, { timeZone: 'Europe/Berlin' }),
          changeForm({ inventory: whole }, { engagement: chosen, userIds: new Map([[personId(1), 'U0CONTRACT']]) }),
          denyChangeView(`${requestId(1)}:${digest(1)}`, { channelId: 'C1', ts: '1.2' }),
          offboardForm({ isSecurity: many > 99 }, many > 1 ? 'U0CONTRACT' : null),
          closeForm(
            Array.from({ length: many }, (_, n) => ({ ...chosen, id: engagementId(n) })),
            chosen.name,
          ),
          noteView('ff000000-0000-4000-8000-000000000001:19') as never,
          noKeyView(),
          noEngagementView(),
          revokeForm(grantView(world), false, 'message'),
          revokeForm(grantView(world), true, 'home'),
          commentView(requestId(1)),
          denyView(`${requestId(1)}:${digest(1)}`, { channelId: 'C1', ts: '1.2' }),
        ]) {
          checkVisible(checkView(view));
          checkInert(markupIn(view?.blocks ?? []));
        }
      }),
      runs(40),
    );
  });
});

describe('the form for the same as before', () => {
  const world = fc.sample(worlds, { numRuns: 1, seed: 1 })[0];
  if (!world) throw new Error('no world');
  const like = (isLive: boolean) => {
    const chosen = engagement({ targetIds: inventory(world).targets.map(({ id }) => id) });
    const targets = inventory(world).targets.map((each) => ({ ...each, logins: [pending().ask.login] }));
    const can = askable({ ...inventory(world), targets }, { requester: person(1), engagement: chosen }, NOON);
    const filled = { ...filledLike(pending().ask), durationSeconds: null };
    return requestForm({
      ...{ purpose: isLive ? 'extend' : 'request', replaces: null, notes: [], keys: [], engagements: [chosen] },
      chosen: { engagement: chosen, can, opener: 'Sam', filled, preview: [] },
    });
  };

  it('is for more time while the access lives, and for new access afterwards', () => {
    expect(like(true).title.text).toBe('Extend access');
    expect(JSON.stringify(like(true))).toContain('Running sessions continue');
    expect(like(false).title.text).toBe('Request access');
    expect(JSON.stringify(like(false))).not.toContain('Running sessions continue');
    for (const view of [like(true), like(false)])
      expect(JSON.stringify(view)).toContain(`"initial_value":"${pending().ask.reason}"`);
  });

  it.each([
    ['opens for its holder', personId(1), null, NOON, /^null$/],
    [
      'is nobody else’s',
      personId(2),
      null,
      NOON,
      /^Only the person who has this access can extend it\. .*“Request access”/,
    ],
    [
      'is not there where the engagement ends',
      personId(1),
      'engagement',
      NOON,
      /Migration ends then, and all access in it/,
    ],
    ['is not there where policy allows it no more', personId(1), 'policy', NOON, /policy no longer allows this access/],
    ['opens once the access is over', personId(1), 'policy', later(3_600), /^null$/],
  ] as const)('%s', (_, by, noExtension, now, said) => {
    const view = { grant: grant(1), engagement: engagement(), noExtension };
    expect(String(whyNotExtended(view, by, now))).toMatch(said);
  });
});

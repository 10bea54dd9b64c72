import fc from 'fast-check';
import { describe, it } from 'vitest';
import { TargetId } from '../../../../src/access/ids.ts';
import type { Target } from '../../../../src/access/target.ts';
import { denyChangeView } from '../../../../src/slack/conversations/engagement-change.ts';
import { changeForm, engagementForm } from '../../../../src/slack/conversations/engagement-form.ts';
import { noEngagementView, noKeyView, requestForm } from '../../../../src/slack/conversations/request-form.ts';
import { denyView } from '../../../../src/slack/conversations/review.ts';
import { checkInert, checkView, checkVisible, markupIn } from '../../../support/checks/slack-limits.ts';
import { runs } from '../../../support/samples/hostile-text.ts';
import { inventory, worlds } from '../../../support/samples/hostile-views.ts';
import { digest, engagement, NOON, personId, requestId } from '../../../support/samples/samples.ts';

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
        for (const view of [
          requestForm({ keys: [], engagements: [chosen], chosen, inventory: whole }),
          requestForm({ keys: [], engagements: [chosen], chosen: null, inventory: whole }),
          engagementForm({ inventory: whole, clock: { now: () => NOON } }, { timeZone: 'Europe/Berlin' }),
          changeForm({ inventory: whole }, { engagement: chosen, userIds: new Map([[personId(1), 'U0CONTRACT']]) }),
          denyChangeView(`${requestId(1)}:${digest(1)}`, { channelId: 'C1', ts: '1.2' }),
          noKeyView(),
          noEngagementView(),
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

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RequestId } from '../../../../src/access/ids.ts';
import type { Person } from '../../../../src/access/person.ts';
import { Policy } from '../../../../src/access/policy.ts';
import type { PendingRequest } from '../../../../src/access/request.ts';
import { render } from '../../../../src/slack/messages/render.ts';
import { messageKey } from '../../../../src/use-cases/notice.ts';
import { remindReviewers } from '../../../../src/use-cases/requests/remind-reviewers.ts';
import { requestAccess } from '../../../../src/use-cases/requests/request-access.ts';
import { reviewRequest } from '../../../../src/use-cases/requests/review-request.ts';
import { withdrawRequest } from '../../../../src/use-cases/requests/withdraw-request.ts';
import { ANYBODY, granted } from '../../../support/worlds/access-world.ts';
import { DAYPASS, GrantedWorld } from '../../../support/worlds/granted-world.ts';

describe('a request that nobody has answered', () => {
  let world: GrantedWorld;
  beforeEach(async () => {
    world = await GrantedWorld.open();
  });
  afterEach(() => world[Symbol.asyncDispose]());

  const under = (change: object) => {
    const rules = [{ name: 'one', max_duration: 'PT8H' }];
    const policy = Policy.parse({ rules, engagements: ANYBODY, ...change });
    return { ...world.deps, inventory: { ...world.deps.inventory, policy } };
  };
  const ask = async (change: object = {}, engagementId = world.engagement.id): Promise<PendingRequest> => {
    const asked = granted(
      await requestAccess(under(change))({
        ...{ by: world.contractor.id, engagementId, targetIds: ['web-01'], login: world.access.login, scope: 'shell' },
        ...{ durationSeconds: 60, reason: 'Move it', ticket: null },
      }),
    );
    await world.traces();
    return asked;
  };
  const remind = (change: object = {}) => remindReviewers(under(change))();
  const reminded = async () => (await world.traces()).notices;

  it('reminds its reviewers once, after an hour', async () => {
    const { id, digest } = await ask();
    world.now = world.later(3_599);
    expect(await remind()).toBe(0);
    world.now = world.later(1);
    const both = await Promise.all([remind(), remind()]);
    expect(both.toSorted()).toEqual([0, 1]);
    const { reviewer } = world;
    expect(await world.traces()).toEqual({
      events: [{ type: 'request_reminded', actor: DAYPASS, facts: { request: id, digest, reviewers: [reviewer.id] } }],
      notices: [[world.dm(reviewer), { kind: 'review_reminder', requestId: id, to: reviewer.id }]],
    });
    world.now = world.later(7_200);
    expect([await remind(), await reminded()]).toEqual([0, []]);
  });

  it.each([
    ['as policy says', { remind_after: 'PT5M' }, 300],
    ['half of the time that it can wait, where that is shorter', { request_ttl: 'PT30M' }, 900],
  ])('waits %s', async (_, change, seconds) => {
    await ask(change);
    world.now = world.later(seconds - 1);
    expect(await remind(change)).toBe(0);
    world.now = world.later(1);
    expect(await remind(change)).toBe(1);
    expect(await reminded()).toHaveLength(1);
  });

  it('is left alone once it is withdrawn or has expired', async () => {
    const { id } = await ask();
    granted(await withdrawRequest(world.deps)({ by: world.contractor.id, requestId: id }));
    world.now = world.later(3_600);
    expect(await remind()).toBe(0);
    const second = await ask();
    await world.traces();
    world.now = second.expiresAt;
    await remind();
    expect(await world.traces()).toEqual({ events: [], notices: [] });
  });

  /** The text that this reviewer reads, if there is one. */
  const read = async (requestId: RequestId, to: Person, change: object) => {
    const slack = { security: { securityChannel: 'C0SECURITY' }, retention: null };
    const gateway = { host: 'ssh.example.com', port: 22, hostKeyLine: 'ssh-ed25519 AAAA', site: 'acme' };
    const rendered = await render(
      { ...under(change), ...slack, gateway },
      { kind: 'review_reminder', requestId, to: to.id },
    );
    return rendered?.text ?? null;
  };

  it('leaves those alone who have reviewed it, unless policy now wants more than their click', async () => {
    const other = await world.access.person('USECOND');
    const { id: engagementId } = await world.access.engagement([world.contractor], [world.reviewer, other]);
    const two = { rules: [{ name: 'two', max_duration: 'PT8H', approvals: 2 }] };
    const request = await ask(two, engagementId);
    const card = { channelId: 'C1', ts: '1.1' };
    const key = messageKey({ kind: 'review_card', requestId: request.id, to: null });
    await world.store.transaction((tx) => tx.messages.put({ key, ...card }));
    const { id: requestId, digest } = request;
    granted(
      await reviewRequest(under(two))({
        ...{ by: world.reviewer.id, requestId, digest, card, verdict: 'approve', comment: null },
      }),
    );
    await world.traces();
    world.now = world.later(3_600);
    await remind(two);
    expect(await reminded()).toEqual([[world.dm(other), { kind: 'review_reminder', requestId, to: other.id }]]);
    const waits = expect.stringMatching(/^A request has waited 1 hour for your review: /);
    expect([await read(requestId, world.reviewer, two), await read(requestId, other, two)]).toEqual([null, waits]);
    const signed = { rules: [{ ...two.rules[0], assurance: 'signed' }] };
    expect(await read(requestId, world.reviewer, signed)).toEqual(waits);
  });
});

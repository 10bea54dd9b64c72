import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Policy } from '../../../../src/access/policy.ts';
import { messageKey } from '../../../../src/use-cases/notice.ts';
import { type RequestAccessInput, requestAccess } from '../../../../src/use-cases/requests/request-access.ts';
import { reviewRequest } from '../../../../src/use-cases/requests/review-request.ts';
import { withdrawRequest } from '../../../../src/use-cases/requests/withdraw-request.ts';
import { requestId } from '../../../support/samples/samples.ts';
import { ANYBODY, granted } from '../../../support/worlds/access-world.ts';
import { actorOfPerson, GrantedWorld } from '../../../support/worlds/granted-world.ts';

let world: GrantedWorld;
beforeEach(async () => {
  world = await GrantedWorld.open();
});
afterEach(() => world[Symbol.asyncDispose]());

const ask = (change: Partial<RequestAccessInput> = {}, policy: object = {}) => {
  const rules = [{ name: 'one', max_duration: 'PT8H' }];
  const inventory = { ...world.deps.inventory, policy: Policy.parse({ rules, engagements: ANYBODY, ...policy }) };
  return requestAccess({ ...world.deps, inventory })({
    ...{ by: world.contractor.id, engagementId: world.engagement.id, targetIds: ['web-01'] },
    ...{ login: world.access.login, scope: 'shell', durationSeconds: 3_600, reason: 'Move it', ticket: null },
    ...change,
  });
};
const stored = (id: ReturnType<typeof requestId>) => world.store.transaction((tx) => tx.requests.byId(id));
const approve = async (request: { id: ReturnType<typeof requestId>; digest: string }) => {
  const card = { channelId: 'C1', ts: `${request.id}` };
  const key = messageKey({ kind: 'review_card', requestId: request.id, to: null });
  await world.store.transaction((tx) => tx.messages.put({ key, ...card }));
  const { id, digest } = request;
  return reviewRequest(world.deps)({
    ...{ by: world.reviewer.id, requestId: id, digest, card, verdict: 'approve', comment: null },
  });
};
const waiting = () => world.store.transaction((tx) => tx.requests.pendingOf(world.contractor.id));

describe('a request that is changed', () => {
  it('takes the place of the old one at once: another digest, and cards that say so', async () => {
    const { contractor, reviewer } = world;
    const old = granted(await ask());
    await world.traces();
    const changed = granted(await ask({ durationSeconds: 900, replaces: old.id }));
    expect(changed.digest).not.toBe(old.digest);
    const replaced = { ...old, status: 'withdrawn', decidedAt: world.now, replacedBy: changed.id };
    expect(await stored(old.id)).toEqual(replaced);
    expect(await waiting()).toEqual([changed]);
    const { events, notices } = await world.traces();
    expect(events).toMatchObject([
      {
        ...{ type: 'request_withdrawn', actor: actorOfPerson(contractor) },
        facts: { request: old.id, digest: old.digest, replacedBy: changed.id },
      },
      { type: 'access_requested', facts: { request: changed.id } },
    ]);
    const kinds = notices.map(([lane, notice]) => [lane, ...Object.values(notice).slice(0, 2)]);
    expect(kinds).toEqual([
      [world.dm(reviewer), 'review_card_changed', old.id],
      [world.thread, 'review_card_changed', old.id],
      [world.dm(reviewer), 'review_card', changed.id],
      [world.thread, 'review_card', changed.id],
      [world.dm(contractor), 'request_received', changed.id],
    ]);
    expect(await approve(old)).toMatchObject({ rejection: { code: 'already_decided', outcome: 'withdrawn' } });
    expect(await approve(changed)).toMatchObject({ ok: true });
  });

  it('takes the approvals with it that were still to be signed', async () => {
    const [rule] = world.deps.inventory.policy.rules;
    if (rule) Object.assign(rule, { assurance: 'signed' });
    await world.access.registered(world.reviewer, world.later(-2 * 86_400));
    const signed = { rules: [{ name: 'one', max_duration: 'PT8H', assurance: 'signed' }] };
    const old = granted(await ask({}, signed));
    granted(await approve(old));
    expect(await stored(old.id)).toMatchObject({ status: 'pending', pledges: [{ reviewerId: world.reviewer.id }] });
    const changed = granted(await ask({ durationSeconds: 900, replaces: old.id }, signed));
    expect(await stored(old.id)).toMatchObject({ status: 'withdrawn', replacedBy: changed.id, pledges: [] });
    expect(changed).toMatchObject({ assurance: 'signed', pledges: [] });
    expect(await world.store.transaction((tx) => tx.requests.pledgedBy(world.reviewer.id))).toEqual([]);
  });

  it('may say another why alone', async () => {
    const old = granted(await ask());
    expect(granted(await ask({ reason: 'Rotate the logs', replaces: old.id })).ask.reason).toBe('Rotate the logs');
  });

  it('is one’s own and waits, or nothing happens', async () => {
    const old = granted(await ask());
    await world.access.registered(world.stranger);
    const second = await world.access.engagement([world.stranger], [world.reviewer]);
    const theirs = { by: world.stranger.id, engagementId: second.id };
    expect(await ask({ ...theirs, replaces: old.id })).toMatchObject({ rejection: { code: 'unknown_request' } });
    expect(await ask({ durationSeconds: 900, replaces: requestId(9) })).toMatchObject({
      rejection: { code: 'unknown_request' },
    });
    granted(await approve(old));
    await world.traces();
    expect(await ask({ durationSeconds: 900, replaces: old.id })).toMatchObject({
      rejection: { code: 'already_decided', outcome: 'approved' },
    });
    expect([await waiting(), await world.traces()]).toEqual([[], { events: [], notices: [] }]);
  });

  it('stays as it was where the new one is refused', async () => {
    const old = granted(await ask());
    expect(await ask({ durationSeconds: 99_999, replaces: old.id })).toMatchObject({ ok: false });
    expect(await waiting()).toEqual([old]);
  });

  it('cannot be told in SQL to have been replaced by another', async () => {
    const old = granted(await ask());
    const changed = granted(await ask({ durationSeconds: 900, replaces: old.id }));
    await expect(
      world.store.sql('update access_request set replaced_by = $1 where id = $2', [old.id, old.id]),
    ).rejects.toThrow('a request is decided once');
    expect(await stored(old.id)).toMatchObject({ replacedBy: changed.id });
  });
});

describe('requests that wait', () => {
  it('are not the same twice, whatever they say about why', async () => {
    const first = granted(await ask());
    const waits = { code: 'same_request_waits', requestId: first.id, at: world.now };
    expect(await ask({ reason: 'Rotate the logs', ticket: 'OPS-1' })).toEqual({ ok: false, rejection: waits });
    granted(await ask({ targetIds: ['db-01'] }));
    granted(await ask({ durationSeconds: 900 }));
    granted(await withdrawRequest(world.deps)({ by: world.contractor.id, requestId: first.id }));
    const second = granted(await ask());
    world.now = second.expiresAt;
    await world.access.channelRead('C1', [world.contractor]);
    await world.seen(world.contractor, { active: true });
    granted(await ask());
  });

  it('are as many as policy says, of which one can still be changed', async () => {
    const two = { pending_per_person: 2 };
    const first = granted(await ask({ durationSeconds: 60 }, two));
    granted(await ask({ durationSeconds: 120 }, two));
    const full = { ok: false, rejection: { code: 'too_many_pending', max: 2 } };
    expect(await ask({ durationSeconds: 180 }, two)).toEqual(full);
    granted(await ask({ durationSeconds: 180, replaces: first.id }, two));
    expect(await ask({ durationSeconds: 240 }, two)).toEqual(full);
  });

  it('are five where policy says nothing, also where they come at once', async () => {
    const all = await Promise.all(Array.from({ length: 8 }, (_, n) => ask({ durationSeconds: n + 1 })));
    expect(all.filter(({ ok }) => ok)).toHaveLength(5);
    expect(await waiting()).toHaveLength(5);
  });

  it('are counted together, whichever engagements they are in', async () => {
    const { contractor, reviewer } = world;
    const others = await Promise.all(
      Array.from({ length: 5 }, () => world.access.engagement([contractor], [reviewer])),
    );
    const all = await Promise.all(
      others.map(({ id: engagementId }) => ask({ engagementId }, { pending_per_person: 1 })),
    );
    expect(all.filter(({ ok }) => ok)).toHaveLength(1);
    expect(await waiting()).toHaveLength(1);
  });
});

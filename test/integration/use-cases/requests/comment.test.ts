import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Person } from '../../../../src/access/person.ts';
import type { PendingRequest } from '../../../../src/access/request.ts';
import { commentOnRequest } from '../../../../src/use-cases/requests/comment-on-request.ts';
import { requestAccess } from '../../../../src/use-cases/requests/request-access.ts';
import { withdrawRequest } from '../../../../src/use-cases/requests/withdraw-request.ts';
import { viewRequest } from '../../../../src/use-cases/views/views.ts';
import { requestId } from '../../../support/samples/samples.ts';
import { granted } from '../../../support/worlds/access-world.ts';
import { actorOfPerson, GrantedWorld } from '../../../support/worlds/granted-world.ts';

describe('a comment on a request', () => {
  let world: GrantedWorld;
  let request: PendingRequest;
  beforeEach(async () => {
    world = await GrantedWorld.open();
    request = granted(
      await requestAccess(world.deps)({
        ...{ by: world.contractor.id, engagementId: world.engagement.id, targetIds: ['web-01'] },
        ...{ login: world.access.login, scope: 'shell', durationSeconds: 60, reason: 'Move it', ticket: null },
      }),
    );
    await world.traces();
  });
  afterEach(() => world[Symbol.asyncDispose]());

  const comment = (by: Person, text = 'Which table?', id = request.id) =>
    commentOnRequest(world.deps)({ by: by.id, requestId: id, text });
  const code = async (...given: Parameters<typeof comment>): Promise<string> => {
    const commented = await comment(...given);
    return commented.ok ? 'ok' : commented.rejection.code;
  };
  const shown = async () => (await viewRequest(world.deps)({ requestId: request.id }))?.comments;

  it('by a reviewer goes to the requester, and by the requester to the reviewers, and to nobody’s thread', async () => {
    const { reviewer, contractor } = world;
    const [first, second] = [
      { ordinal: 0, by: reviewer.id, text: 'Which table?', at: world.now },
      { ordinal: 1, by: contractor.id, text: 'orders', at: world.now },
    ];
    const { id, digest } = request;
    for (const [person, to, { ordinal, text }] of [
      [reviewer, contractor, first],
      [contractor, reviewer, second],
    ] as const) {
      granted(await comment(person, ` ${text}\n`));
      const { events, notices } = await world.traces();
      const facts = { request: id, digest, comment: ordinal };
      expect(events).toEqual([{ type: 'request_commented', actor: actorOfPerson(person), facts }]);
      expect(notices.filter(([, notice]) => 'kind' in notice && notice.kind === 'request_commented')).toEqual([
        [world.dm(to), { kind: 'request_commented', requestId: id, ordinal, to: to.id }],
      ]);
    }
    expect(await shown()).toEqual([first, second]);
  });

  it('is refused to who may neither review it nor asked for it, and once nobody waits for it', async () => {
    const { reviewer, contractor, stranger } = world;
    expect(await code(stranger)).toBe('not_a_reviewer');
    expect(await code(reviewer, 'Hello', requestId(9))).toBe('unknown_request');
    await world.seen(reviewer, { active: false });
    expect(await code(reviewer)).toBe('person_inactive');
    await world.seen(reviewer, { active: true });
    expect(await code(reviewer)).toBe('ok');
    granted(await withdrawRequest(world.deps)({ by: contractor.id, requestId: request.id }));
    expect([await code(reviewer), await code(contractor)]).toEqual(['already_decided', 'already_decided']);
  });

  it('is refused after the request has expired', async () => {
    world.now = request.expiresAt;
    await world.seen(world.reviewer, { active: true });
    expect(await code(world.reviewer)).toBe('already_decided');
  });

  it.each([
    ['nothing', ' \n ', 'comment_missing'],
    ['too much', 'x'.repeat(1_001), 'comment_missing'],
    ['as much as may be', ` ${'x'.repeat(1_000)} `, 'ok'],
    ['a secret', `Use ${'xoxb'}-0123456789ab`, 'secret_found'],
  ])('of %s is kept or refused', async (_, text, expected) => {
    expect(await code(world.reviewer, text)).toBe(expected);
    expect(await shown()).toHaveLength(expected === 'ok' ? 1 : 0);
  });

  it('is one of twenty at most, also where they come at once', async () => {
    const all = await Promise.all(Array.from({ length: 23 }, (_, n) => code(world.reviewer, `Comment ${n}`)));
    expect(all.filter((each) => each === 'ok')).toHaveLength(20);
    expect(new Set(all)).toEqual(new Set(['ok', 'too_many_comments']));
  });

  it('that was put in or changed without Daypass is not shown, and cannot be changed later', async () => {
    granted(await comment(world.reviewer));
    await expect(world.store.sql("update request_comment set comment = 'Approved by security'")).rejects.toThrow(
      'append-only',
    );
    await world.store.sql(
      "insert into request_comment select request_id, 1, person_id, 'Approved by security', commented_at, mac from request_comment",
    );
    expect(await shown()).toHaveLength(1);
    granted(await comment(world.reviewer, 'And why?'));
    expect((await shown())?.map(({ text }) => text)).toEqual(['Which table?', 'And why?']);
  });
});

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Engagement } from '../../../../src/access/engagement.ts';
import type { Grant } from '../../../../src/access/grant.ts';
import type { Person } from '../../../../src/access/person.ts';
import { wordedOrder } from '../../../../src/gateway/words/session-words.ts';
import { openEngagement } from '../../../../src/use-cases/engagements/open-engagement.ts';
import { seeChannel } from '../../../../src/use-cases/engagements/see-channel.ts';
import { holdSessionsToGrants } from '../../../../src/use-cases/grants/hold-sessions.ts';
import { messageKey, type Notice } from '../../../../src/use-cases/notice.ts';
import { peopleToConfirm, tellOfDoubts } from '../../../../src/use-cases/people/people-in-doubt.ts';
import { missPerson, seePerson } from '../../../../src/use-cases/people/see-person.ts';
import type { Profile } from '../../../../src/use-cases/ports/directory.ts';
import type { Gateways } from '../../../../src/use-cases/ports/gateways.ts';
import { requestAccess } from '../../../../src/use-cases/requests/request-access.ts';
import { reviewRequest } from '../../../../src/use-cases/requests/review-request.ts';
import { withdrawRequest } from '../../../../src/use-cases/requests/withdraw-request.ts';
import { selfService } from '../../../../src/use-cases/sessions/self-service.ts';
import { SshKey } from '../../../support/peers/signing-key.ts';
import { AccessWorld, granted } from '../../../support/worlds/access-world.ts';
import { openTestStore, type TestStore } from '../../../support/worlds/store.ts';

const MINUTE = 60_000;

describe('somebody who is gone', () => {
  let store: TestStore;
  let world: AccessWorld;
  let now: Date;
  let n = 0;
  let contractor: Person;
  let reviewer: Person;
  let channelId: string;
  let key: SshKey;
  let engagement: Engagement;

  beforeAll(async () => {
    now = new Date();
    store = await openTestStore('postgres');
    world = AccessWorld.over(store, { now: () => now });
    world.addTargets('web-01');
  });
  afterAll(() => world[Symbol.asyncDispose]());

  beforeEach(async () => {
    now = new Date();
    n += 1;
    contractor = await world.person(`UCON${n}`, 'guest');
    reviewer = await world.person(`UREVIEW${n}`);
    channelId = `C${n}`;
    engagement = await engagementIn(channelId);
    key = new SshKey();
    expect(await authorize(key.proof(`register-${await world.code(contractor.id)}`, null))).toBe('registered');
  });

  const engagementIn = async (channel: string): Promise<Engagement> =>
    granted(
      await openEngagement(world.deps)({
        ...{ by: (await world.person(`USPONSOR${n}`)).id, name: 'Migration', vendor: 'Acme', channelId: channel },
        ...{ memberIds: [contractor.id], reviewerIds: [reviewer.id], targetIds: ['web-01'], scopes: ['shell'] },
        ...{ lastDay: '2999-12-31', timeZone: 'UTC' },
      }),
    );
  const authorize = (proof: ReturnType<SshKey['proof']>) => world.connected(proof);
  const enter = async (grant: Grant) => {
    const [issued] = await store.transaction((tx) => tx.grants.certificates(grant.id));
    return authorize(key.proof(`${world.login}+web-01`, issued?.certificate ?? ''));
  };
  /** The messages with which the contractor's live sessions were ended. */
  const held = async (): Promise<string[]> => {
    const ended: string[] = [];
    const live = await store.transaction((tx) => tx.sessions.live());
    const mine = live.filter((session) => session.personId === contractor.id).map((session) => session.id);
    const terminate: Gateways['terminate'] = ([id], order) => {
      if (id && mine.includes(id)) ended.push(wordedOrder(order).message);
    };
    await holdSessionsToGrants({ ...world.deps, gateways: { carried: () => [], terminate, extend: () => false } })();
    return ended;
  };
  const told = async <Kind extends Notice['kind']>(kind: Kind): Promise<Extract<Notice, { kind: Kind }>[]> => {
    const rows = await store.sql("select notice from outbox where kind = $1 and lane = 'security'", [kind]);
    return rows
      .map((row) => row['notice'] as Extract<Notice, { kind: Kind }>)
      .filter((notice) => JSON.stringify(notice).includes(contractor.id));
  };
  const ask = () =>
    requestAccess(world.deps)({
      ...{ by: contractor.id, engagementId: engagement.id, targetIds: ['web-01'], login: world.login },
      ...{ scope: 'shell', durationSeconds: 3_600, reason: 'Move it', ticket: null },
    });
  const approve = async (request: { id: Engagement['id'] } & { digest: string }) => {
    const requestId = request.id as never;
    const card = { channelId, ts: `${n}.1` };
    const posted = messageKey({ kind: 'review_card', requestId, to: null });
    await store.transaction((tx) => tx.messages.put({ key: posted, ...card }));
    const verdict = { verdict: 'approve', comment: null } as const;
    return reviewRequest(world.deps)({ by: reviewer.id, requestId, digest: request.digest, card, ...verdict });
  };
  const see = (profile: Partial<Profile>) => {
    const [account] = contractor.accounts;
    if (!account) throw new Error('no account');
    return seePerson(world.deps)({ account, profile: { name: 'Casey', standing: 'guest', active: true, ...profile } });
  };
  const state = (grant: Grant) => store.transaction((tx) => tx.grants.byId(grant.id));

  it('from Slack’s sight gets nothing new at once, and loses what there is a moment later', async () => {
    const grant = await world.grant(contractor, reviewer, engagement);
    expect(await enter(grant)).toBe('session');
    const caller = { personId: contractor.id, fingerprint: key.fingerprint as never };
    expect(await missPerson(world.deps)(contractor.id)).toBe('ask_again');
    expect(await enter(grant)).toBe('person_unseen');
    expect(await ask()).toMatchObject({ ok: false, rejection: { code: 'person_unseen', since: now } });
    expect(await selfService(world.deps)(caller, { verb: 'cert', grant: null })).toMatchObject({
      why: { code: 'person_unseen', since: now },
    });
    now = new Date(now.getTime() + 19_000);
    expect(await missPerson(world.deps)(contractor.id)).toBe('ask_again');
    expect(await held()).toEqual([]);
    now = new Date(now.getTime() + 1_000);
    expect(await missPerson(world.deps)(contractor.id)).toBe('over');
    expect((await state(grant))?.end).toMatchObject({ how: 'revoked', by: null });
    expect(await held()).toHaveLength(1);
    expect(await told('person_gone')).toMatchObject([{ why: 'unseen', grants: 1, sessions: 1, engagementId: null }]);
    expect(await enter(grant)).toBe('person_inactive');
    expect(await missPerson(world.deps)(contractor.id)).toBe('over');
    expect(await told('person_gone')).toHaveLength(1);
  });

  it('from Slack’s sight since a time that is still to come is gone at the next answer', async () => {
    const grant = await world.grant(contractor, reviewer, engagement);
    expect(await missPerson(world.deps)(contractor.id)).toBe('ask_again');
    now = new Date(now.getTime() - 10 * MINUTE);
    expect(await missPerson(world.deps)(contractor.id)).toBe('over');
    expect((await state(grant))?.end).toMatchObject({ how: 'revoked' });
  });

  it.each([
    ['a minute ahead, as clocks may differ', 60, 'session'],
    ['beyond that', 61, 'person_unconfirmed'],
    ['years ahead', 1e9, 'person_unconfirmed'],
  ] as const)('is in doubt where the record says that Slack confirmed them %s', async (_, seconds, expected) => {
    const grant = await world.grant(contractor, reviewer, engagement);
    const ahead = new Date(now.getTime() + seconds * 1_000).toISOString();
    await store.sql('update person set confirmed_at = $1 where id = $2', [ahead, contractor.id]);
    expect(await enter(grant)).toBe(expected);
    await see({});
    expect(await enter(grant)).toBe('session');
  });

  it('from Slack’s sight for one answer alone keeps access', async () => {
    const grant = await world.grant(contractor, reviewer, engagement);
    await missPerson(world.deps)(contractor.id);
    await see({});
    now = new Date(now.getTime() + MINUTE);
    expect(await missPerson(world.deps)(contractor.id)).toBe('ask_again');
    await see({});
    expect(await enter(grant)).toBe('session');
  });

  it('or whom nobody can ask about has access for the time that policy says, and again once Slack answers', async () => {
    const grant = await world.grant(contractor, reviewer, engagement, { seconds: 4 * 3_600 });
    expect(await enter(grant)).toBe('session');
    now = new Date(now.getTime() + 90 * MINUTE);
    expect(await held()).toEqual([]);
    await tellOfDoubts(world.deps)();
    expect(await told('people_in_doubt')).toEqual([]);
    expect(await enter(grant)).toBe('session');
    now = new Date(now.getTime() + 1);
    expect(await held()).toEqual([expect.stringMatching(/Slack has not confirmed/), expect.any(String)]);
    expect(await enter(grant)).toBe('person_unconfirmed');
    await tellOfDoubts(world.deps)();
    await tellOfDoubts(world.deps)();
    expect(await told('people_in_doubt')).toHaveLength(1);
    await see({});
    await world.channelRead(channelId, [contractor]);
    expect(await enter(grant)).toBe('session');
    now = new Date(now.getTime() + 91 * MINUTE);
    await tellOfDoubts(world.deps)();
    expect(await told('people_in_doubt')).toHaveLength(2);
  });

  it('from the channel loses what was granted for it, is no member of it, and comes back as one', async () => {
    const elsewhere = engagement;
    engagement = await engagementIn(`${channelId}B`);
    const here = await world.grant(contractor, reviewer, engagement);
    const there = await world.grant(contractor, reviewer, elsewhere);
    const seen = (users: string[], left: string[] = []) =>
      seeChannel(world.deps)({
        channelId: engagement.channelId,
        at: now,
        userIds: new Set(users),
        leftUserIds: new Set(left),
      });
    await seen([`UCON${n}`, 'USOMEBODY']);
    expect((await state(here))?.end).toBeNull();
    await seen(['USOMEBODY']);
    expect((await state(here))?.end).toMatchObject({ how: 'revoked' });
    expect((await state(there))?.end).toBeNull();
    expect(await told('person_gone')).toMatchObject([{ why: 'left_channel', engagementId: engagement.id, grants: 1 }]);
    expect(await ask()).toMatchObject({ ok: false, rejection: { code: 'not_a_member' } });
    await seen(['USOMEBODY']);
    expect(await told('person_gone')).toHaveLength(1);
    await seen([`UCON${n}`]);
    expect(await ask()).toMatchObject({ ok: true });
    expect((await state(here))?.end).toMatchObject({ how: 'revoked' });
  });

  it('is who left, not who never was in the channel', async () => {
    const grant = await world.grant(contractor, reviewer, engagement);
    const seen = (left: string[]) =>
      seeChannel(world.deps)({ channelId, at: now, userIds: new Set(), leftUserIds: new Set(left) });
    await seen([]);
    expect(await enter(grant)).toBe('session');
    await seen([`UCON${n}`]);
    expect(await enter(grant)).toBe('grant_revoked');
  });

  it.each([
    ['was deactivated', () => see({ active: false })],
    ['is not shown', () => missPerson(world.deps)(contractor.id)],
    [
      'left the channel',
      () => seeChannel(world.deps)({ channelId, at: now, userIds: new Set(), leftUserIds: new Set([`UCON${n}`]) }),
    ],
    [
      'was not confirmed for too long',
      async () => {
        now = new Date(now.getTime() + 91 * MINUTE);
        const [account] = reviewer.accounts;
        if (account) await seePerson(world.deps)({ account, profile: { name: 'R', standing: 'member', active: true } });
      },
    ],
  ] as const)('while the request waited gets nothing by a later Approve: %s', async (_, happens) => {
    const request = granted(await ask());
    await happens();
    expect(await approve(request as never)).toEqual({ ok: false, rejection: { code: 'requester_gone' } });
    expect(await store.transaction((tx) => tx.grants.byRequest(request.id))).toBeNull();
  });

  it('at the moment of the Approve has no live grant, whichever comes first', async () => {
    for (let round = 0; round < 8; round += 1) {
      await see({});
      const request = granted(await ask());
      await Promise.all([approve(request as never), see({ active: false })]);
      const grant = await store.transaction((tx) => tx.grants.byRequest(request.id));
      expect(grant === null || grant.end !== null).toBe(true);
      if (grant === null) granted(await withdrawRequest(world.deps)({ by: contractor.id, requestId: request.id }));
    }
  });

  it('stays a guest in the record where Slack leaves out what a deactivated account was', async () => {
    expect(await see({ active: false, standing: null, name: null })).toMatchObject({
      standing: 'guest',
      active: false,
    });
    expect(await store.transaction((tx) => tx.persons.name(contractor.id))).toBe(`UCON${n}`);
  });

  it('is asked about first who was longest not confirmed, and only who matters', async () => {
    const stranger = await world.person(`USTRANGER${n}`);
    now = new Date(now.getTime() + MINUTE);
    await see({});
    const ids = (await peopleToConfirm(world.deps)()).map((person) => person.id);
    expect(ids).not.toContain(stranger.id);
    expect(ids.indexOf(reviewer.id)).toBeLessThan(ids.indexOf(contractor.id));
    expect(ids).toContain(contractor.id);
  });
});
